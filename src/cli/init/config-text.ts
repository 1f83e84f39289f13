// The configuration that `init` writes: the few settings that every gateway needs, with comments.
import { escaped } from '../../config/schema/names.ts';

export interface InitSettings {
  readonly relay: string;
  /** A lease name, a lease id, a `prefix-*` or `*`. */
  readonly lease: string;
  /** The id of the key that may call the lease; `anonymous`: everyone may. */
  readonly caller: string;
}

/** `keysFile`: relative to the configuration file. */
export function configText({ relay, lease, caller }: InitSettings, keysFile: string): string {
  const keys = `
auth:
  keys_file: ${plainText(keysFile)} # hashes of the API keys, managed by "portal-gateway keys"
`;
  return `# Configuration of Portal Gateway, written by "portal-gateway init". Only settings that differ from
# their defaults are needed. "portal-gateway validate" checks this file, and "portal-gateway config
# print" shows all settings. A running gateway picks up changes automatically.

gateway:
  host: 127.0.0.1 # only this machine can connect; 0.0.0.0 for other machines, too
  port: 8080

portal:
  relay_url: ${plainText(relay)} # where apps are published
${caller === 'anonymous' ? '' : keys}
# Who may call which lease; everything else is denied. Callers are ids of keys, "*" for every key,
# or anonymous for everyone.
lease_acl:
  ${plainText(lease)}:
    - ${plainText(caller)}
`;
}

/** In quotes unless YAML reads the text back unchanged without them, also as a name. */
function plainText(text: string): string {
  const isPlain = /^[a-z][\w./-]*(?::[\w./-]+)*$/i.test(text) && !/^(?:true|false|null|yes|no|on|off)$/i.test(text);
  return isPlain ? text : escaped(JSON.stringify(text));
}
