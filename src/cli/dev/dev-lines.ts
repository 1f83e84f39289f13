// What `dev` prints: the addresses, the key, and commands that work when pasted.
import { domainToASCII, domainToUnicode } from 'node:url';
import { foldName } from '../../kernel/lease-name.ts';
import { signInUrl } from '../../auth/sign-in-url.ts';

export interface DevFacts {
  readonly name: string;
  readonly leaseId: string;
  readonly key: string;
  /** Of the gateway, without a path. */
  readonly gatewayUrl: string;
  readonly gatewayId: string;
  readonly relay: string;
  /** The token of a sign-in link. */
  readonly link: string;
}

/** The domain whose hosts browsers resolve to this machine (RFC 6761 §6.3). */
export const devDomain = 'localhost';

/** What `dev --json` prints. */
export interface DevResult {
  /** The origin of the app's own, for browsers. */
  readonly url: string;
  /** The app below a path of the gateway: works where names below localhost do not resolve. */
  readonly path_url: string;
  readonly key: string;
  readonly curl: string;
  readonly sign_in: string;
  /** Adds the app to an MCP client; null if it is no MCP server. */
  readonly mcp: string | null;
  readonly name: string;
  readonly lease_id: string;
  readonly gateway_id: string;
  readonly relay: string;
}

export function devResult(facts: DevFacts, mcpPath: string | undefined): DevResult {
  const { name, leaseId, key, gatewayUrl, gatewayId, relay, link } = facts;
  const { port } = new URL(gatewayUrl);
  const origin = `http://${appLabel(facts)}.${devDomain}${port === '' ? '' : `:${port}`}`;
  const pathUrl = `${gatewayUrl}/peer/${encodeURIComponent(name)}/`;
  return {
    url: `${origin}/`,
    path_url: pathUrl,
    key,
    curl: `curl -H 'Authorization: Bearer ${key}' ${pathUrl}`,
    sign_in: signInUrl(origin, link),
    mcp: mcpPath === undefined ? null : mcpLine(facts, pathUrl + mcpPath.slice(1)),
    name,
    lease_id: leaseId,
    gateway_id: gatewayId,
    relay,
  };
}

/** Clients other than browsers may not resolve names below localhost, so this uses the path. */
function mcpLine({ name, key }: DevFacts, url: string): string {
  // The names that MCP clients accept.
  const server = /^[\w-]+$/.test(name) ? name : 'my-app';
  return `claude mcp add --transport http ${server} ${url} --header 'Authorization: Bearer ${key}'`;
}

/**
 * The first label of the app's host. The lease id replaces a name that is no label, or that the
 * conversion to one changes.
 */
export function appLabel({ name, leaseId }: Pick<DevFacts, 'name' | 'leaseId'>): string {
  const label = /^[\w\u0080-\uffff-]+$/.test(name) ? domainToASCII(name) : '';
  const isName = label !== '' && label.length <= maxLabel && foldName(domainToUnicode(label)) === foldName(name);
  return isName ? label : leaseId.toLowerCase();
}

/** RFC 1035 §2.3.4. */
const maxLabel = 63;

export function resultLines({ url, key, curl, sign_in }: DevResult): readonly string[] {
  return [`app   ${url}`, `key   ${key}`, `try   ${curl}`, `open  ${sign_in}`];
}
