// Owns what browsers are told of who may call from which site (Fetch standard, CORS protocol): the fields of an answer, and those of an
// answer to a preflight. Pure: knows no request and no lease.
import type { RawHeaders } from '../kernel/http/http.ts';
import { isRemoved } from '../kernel/http/removed-headers.ts';

export interface CorsSettings {
  /** As browsers send them, or `*`. */
  readonly origins: readonly string[];
  /** Beyond GET, HEAD and POST; `*` for any. */
  readonly methods: readonly string[];
  /** Beyond the safelisted ones; `*` for any. */
  readonly headers: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeMs: number;
}

/** What a page asks before it calls. */
export interface Preflight {
  readonly method: string;
  /** Names as sent; '' for none. */
  readonly headers: string;
}

/** Fields of the gateway's own that a page may read; the app's own list, if it has one, stands beside it. */
const exposed = 'X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Proxy-Status, WWW-Authenticate';
/** CORS-safelisted methods. */
const safelisted = ['GET', 'HEAD', 'POST'];
/** Of the headers that the gateway removes, those that a page may send: a credential, and an id that is replaced. */
const sendable: ReadonlySet<string> = new Set(['x-gateway-key', 'x-request-id']);

export class CorsRules {
  readonly #settings: CorsSettings;
  /** Lower case. */
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  /** Without what the gateway removes from requests. Undefined: any that is asked for. */
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

  /** `origin`: undefined when the request names none, or several. */
  answer(origin: string | undefined): RawHeaders {
    const allowed = this.#allow(origin);
    return allowed.length === 0 ? this.#vary : [...this.#vary, ...allowed, 'Access-Control-Expose-Headers', exposed];
  }

  preflight(origin: string, asked: Preflight): RawHeaders {
    // Caches in between must not answer one page with what another may.
    const vary = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'];
    const allowed = this.#allow(origin);
    if (allowed.length === 0) return vary;
    const { methods, maxAgeMs } = this.#settings;
    const told = [...vary, ...allowed];
    // Asked for by name, since `*` says nothing of Authorization, and nothing at all where credentials are allowed.
    told.push(
      'Access-Control-Allow-Methods',
      methods.includes('*') ? asked.method : [...safelisted, ...methods].join(', '),
    );
    const names = this.#headers ?? asked.headers.split(',').filter(isSendable).join(',');
    if (names !== '') told.push('Access-Control-Allow-Headers', names);
    told.push('Access-Control-Max-Age', String(Math.floor(maxAgeMs / 1_000)));
    return told;
  }

  /** Where every origin is told the same, the answer does not depend on it. */
  get #vary(): RawHeaders {
    return this.#anyOrigin ? [] : ['Vary', 'Origin'];
  }

  /** Empty: the origin may not. */
  #allow(origin: string | undefined): RawHeaders {
    // Without credentials, whatever the settings say: every site could act for its visitors. Configuration refuses the two together.
    if (this.#anyOrigin) return ['Access-Control-Allow-Origin', '*'];
    if (origin === undefined || !this.#origins.has(origin.toLowerCase())) return [];
    const allowed = ['Access-Control-Allow-Origin', origin];
    if (this.#settings.credentials) allowed.push('Access-Control-Allow-Credentials', 'true');
    return allowed;
  }
}

/** A page could not know that a header which it was allowed to send is not passed on. */
function isSendable(header: string): boolean {
  const name = header.trim().toLowerCase();
  return sendable.has(name) || !isRemoved(name);
}
