// CORS response headers (Fetch standard, CORS protocol), for normal responses and for preflights.
// Pure: uses no request and no lease.
import type { RawHeaders } from '../kernel/http/http.ts';
import { isRemoved } from '../kernel/http/removed-headers.ts';
import type { CorsPolicy } from '../policy/policy.ts';

export type CorsSettings = Omit<CorsPolicy, 'enabled'>;

/** The question in a preflight request. */
export interface Preflight {
  readonly method: string;
  /** Names as sent; '' for none. */
  readonly headers: string;
}

/** The gateway's headers that a page may read, in addition to the app's own list. */
const exposed =
  'X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Proxy-Status, WWW-Authenticate, grpc-status, grpc-message';
/** CORS-safelisted methods. */
const safelisted = ['GET', 'HEAD', 'POST'];
/**
 * The headers that a page may send although the gateway removes them from requests: a credential,
 * and an id that is replaced.
 */
const sendable: ReadonlySet<string> = new Set(['x-gateway-key', 'x-request-id']);

export class CorsRules {
  readonly #settings: CorsSettings;
  /** Lower case. */
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  /**
   * Without the headers that the gateway removes from requests. Undefined: any requested header.
   */
  readonly #headers: string | undefined;

  constructor(settings: CorsSettings) {
    this.#settings = settings;
    this.#origins = new Set(settings.origins.map((origin) => origin.toLowerCase()));
    this.#anyOrigin = this.#origins.has('*');
    this.#headers = settings.headers.includes('*') ? undefined : settings.headers.filter(isSendable).join(', ');
  }

  allows(origin: string | undefined): boolean {
    return this.#allow(origin).length > 0;
  }

  /** Whether pages of any origin may use the credentials that the browser stores. */
  get usesCredentials(): boolean {
    return this.#settings.credentials && !this.#anyOrigin;
  }

  /** Whether pages of the origin may. */
  allowsCredentials(origin: string | undefined): boolean {
    return this.usesCredentials && this.allows(origin);
  }

  /** `origin`: undefined when the request has none, or several. */
  headersFor(origin: string | undefined): RawHeaders {
    const allowed = this.#allow(origin);
    return allowed.length === 0 ? this.#vary : [...this.#vary, ...allowed, 'Access-Control-Expose-Headers', exposed];
  }

  preflight(origin: string, asked: Preflight): RawHeaders {
    // Shared caches must not serve one origin's response to another.
    const vary = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'];
    const allowed = this.#allow(origin);
    if (allowed.length === 0) return vary;
    const { methods, maxAgeMs } = this.#settings;
    const fields = [...vary, ...allowed];
    // The requested names are echoed, because `*` does not cover Authorization, and has no special
    // meaning when credentials are allowed.
    fields.push(
      'Access-Control-Allow-Methods',
      methods.includes('*') ? asked.method : [...safelisted, ...methods].join(', '),
    );
    const names = this.#headers ?? asked.headers.split(',').filter(isSendable).join(',');
    if (names !== '') fields.push('Access-Control-Allow-Headers', names);
    fields.push('Access-Control-Max-Age', String(Math.floor(maxAgeMs / 1_000)));
    return fields;
  }

  /** With `*` the response does not depend on the origin. */
  get #vary(): RawHeaders {
    return this.#anyOrigin ? [] : ['Vary', 'Origin'];
  }

  /** Empty when the origin is not allowed. */
  #allow(origin: string | undefined): RawHeaders {
    // Never with credentials: every site could act for its visitors. The configuration rejects this
    // combination.
    if (this.#anyOrigin) return ['Access-Control-Allow-Origin', '*'];
    if (origin === undefined || !this.#origins.has(origin.toLowerCase())) return [];
    const allowed = ['Access-Control-Allow-Origin', origin];
    if (this.#settings.credentials) allowed.push('Access-Control-Allow-Credentials', 'true');
    return allowed;
  }
}

/** Never offer headers that the gateway removes: the page could not tell that they are dropped. */
function isSendable(header: string): boolean {
  const name = header.trim().toLowerCase();
  return sendable.has(name) || !isRemoved(name);
}
