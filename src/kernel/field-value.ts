// Owns the look for one field among raw ones.
import type { RawHeaders } from './http.ts';

/** Of the first field with this name, which is in lower case. */
export function fieldValue(headers: RawHeaders, wanted: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) return headers[i + 1];
  }
  return undefined;
}
