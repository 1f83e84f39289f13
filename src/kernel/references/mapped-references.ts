// Rewrites the references to the app in the heads and trailers of one response, in every field that holds them. The caller decides how a
// single reference changes.
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
 * Characters by which they may become longer in all: an app could otherwise have thousands of references in one field, or in interim
 * responses, replaced by ones that are as long as the client's target or host.
 */
const maxGrowthChars = 64 * 1024;

export class MappedReferences {
  readonly #map: ReferenceMap;
  #spareChars = maxGrowthChars;

  constructor(map: ReferenceMap) {
    this.#map = map;
  }

  /** Undefined: the head would become too long, and the field must be left out. */
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
