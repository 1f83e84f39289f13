// Settings that are planned but not supported yet. Setting one is reported: a limit that is
// silently absent is worse than none. Remove a section from this list when it moves to the schema.
import type { Path } from './shape.ts';

interface Later {
  /** What this version does instead, for the message. */
  readonly instead: string;
  /**
   * The settings that the environment may name. Other variables that begin like the section may
   * belong to other programs.
   */
  readonly environment: readonly string[];
}

/** `*` is any entry of a map, `[]` any item of a list. */
const settings: Readonly<Record<string, Later>> = {
  circuit_breaker: {
    instead: 'has no circuit breaker',
    environment: [
      ...['enabled', 'consecutive_failures', 'min_requests', 'failure_ratio', 'interval', 'timeout', 'max_requests'],
      'failure_statuses',
    ],
  },
  upstream: { instead: 'does not probe unresponsive apps', environment: ['suspect_after'] },
  retry: {
    instead: 'does not retry',
    environment: [
      ...['enabled', 'buffer_bytes', 'buffer_budget', 'idempotency_key', 'methods', 'max_attempts', 'initial', 'max'],
      ...['statuses', 'budget'],
    ],
  },
  overload: {
    instead: 'has only the limits gateway.max_* and gateway.queue',
    environment: ['max_event_loop_lag', 'max_memory'],
  },
  cache: {
    instead: 'does not cache',
    environment: ['enabled', 'max_bytes', 'max_entry_bytes', 'scope', 'redis', 'rules'],
  },
  compression: { instead: 'does not compress', environment: ['enabled', 'algorithms', 'min_bytes', 'types'] },
  tracing: { instead: 'sends no traces', environment: ['enabled', 'endpoint', 'sample_ratio', 'trust'] },
  store: { instead: 'stores its state in files', environment: ['url'] },
  tenants: { instead: 'has no tenants', environment: [] },
  audit: { instead: 'writes no audit log', environment: ['enabled', 'grants', 'anchor'] },
  webhooks: { instead: 'sends no webhooks', environment: [] },
  acme: {
    instead: 'reads certificates from files',
    environment: ['enabled', 'email', 'directory', 'hosts', 'challenge'],
  },
  'gateway.server_timing': { instead: 'sends no Server-Timing', environment: [''] },
  'gateway.h2c': { instead: 'supports HTTP/2 over TLS only', environment: [''] },
  'admin.host': { instead: 'serves the admin port on gateway.host', environment: [''] },
  'admin.tls': { instead: 'serves the admin port without TLS', environment: [''] },
  'auth.jwt': { instead: 'accepts API keys only', environment: [] },
  'auth.oauth': { instead: 'accepts API keys only', environment: [] },
  'auth.keys[].tenant': { instead: 'has no tenants', environment: [] },
  'portal.relays[].weight': { instead: 'uses the first connected relay that lists the lease', environment: [] },
  'portal.relays[].connections': { instead: 'keeps one connection to each relay', environment: [] },
  'portal.relays[].sni_port': { instead: 'supports Portal v1 relays only', environment: [] },
  'portal.selection': { instead: 'uses the first connected relay that lists the lease', environment: [''] },
  'timeouts.queue': { instead: 'lets requests wait for up to timeouts.dial', environment: [''] },
  'leases.*.stream': { instead: 'recognises streams by their response', environment: [] },
  'leases.*.max_in_flight': { instead: 'limits requests in flight for all leases together only', environment: [] },
  'leases.*.bytes_per_second': { instead: 'does not limit bandwidth', environment: [] },
  'leases.*.prefer': { instead: 'supports Portal v1 relays only', environment: [] },
  'leases.*.require': { instead: 'supports Portal v1 relays only, which cannot read the traffic', environment: [] },
  'leases.*.grpc_web': { instead: 'does not translate gRPC-Web', environment: [] },
  'leases.*.mcp': { instead: 'treats MCP like any other HTTP', environment: [] },
};

const later: ReadonlyMap<string, Later> = new Map(Object.entries(settings));

/**
 * The message for a name that the schema does not have; undefined when it is not a planned setting.
 */
export function laterMessage(path: Path): string | undefined {
  const found = later.get(patternOf(path));
  return found === undefined ? undefined : message(found);
}

/** Maps environment variable names to messages. */
export function laterEnvironment(): Map<string, string> {
  const names = new Map<string, string>();
  for (const [path, entry] of later) {
    for (const setting of entry.environment) {
      const name = [path, ...(setting === '' ? [] : [setting])].join('.').replaceAll('.', '_').toUpperCase();
      names.set(name, message(entry));
    }
  }
  return names;
}

/** The planned sections: the beginnings that a variable's name may have. */
export function laterSections(): string[] {
  return [...later.keys()].filter((path) => !path.includes('.'));
}

function message({ instead }: Later): string {
  return `comes with a later release; this version ${instead}: remove it`;
}

function patternOf(path: Path): string {
  let text = '';
  for (const [i, step] of path.entries()) {
    if (typeof step === 'number') text += '[]';
    else if (i === 1 && path[0] === 'leases') text += '.*';
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
