// Rewrites references to the app in the heads and trailers of one response, in all fields that
// contain them. The caller decides how a single reference changes.
import { rewriteChallenge } from './challenge-field.ts';
import type { ReferenceField } from './host-fields.ts';
import { rewriteLink } from './link-field.ts';
import { rewriteRefresh } from './refresh-field.ts';

export interface ReferenceMap {
  /** A URI reference (RFC 3986 §4.1), which may become a path. */
  readonly reference: (reference: string) => string;
  /** An http or https URL, which stays absolute. */
  readonly url: (url: string) => string;
}

/**
 * Total number of characters by which the fields of one response may grow. Otherwise an app could
 * send thousands of references in one field, or in interim responses, each replaced by one as long
 * as the client's target or host.
 */
const maxGrowthChars = 64 * 1024;

export class MappedReferences {
  readonly #map: ReferenceMap;
  #spareChars = maxGrowthChars;

  constructor(map: ReferenceMap) {
    this.#map = map;
  }

  /** Undefined: the head would become too long, so the field must be omitted. */
  rewrite(field: ReferenceField, value: string): string | undefined {
    const maxChars = value.length + this.#spareChars;
    const rewritten = this.#rewritten(field, value, maxChars);
    if (rewritten === undefined || rewritten.length > maxChars) return undefined;
    this.#spareChars -= Math.max(0, rewritten.length - value.length);
    return rewritten;
  }

  #rewritten(field: ReferenceField, value: string, maxChars: number): string | undefined {
    const { reference, url } = this.#map;
    switch (field) {
      case 'location':
      case 'content-location':
        return reference(value);
      case 'refresh':
        return rewriteRefresh(value, reference);
      case 'link':
        return rewriteLink(value, reference, maxChars);
      case 'challenge':
        return rewriteChallenge(value, url, maxChars);
    }
  }
}
