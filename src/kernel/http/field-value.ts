// Finds the values of one field among raw headers.
import type { RawHeaders } from './http.ts';

/** Of the first field with this name, which is in lower case. */
export function fieldValue(headers: RawHeaders, wanted: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) return headers[i + 1];
  }
  return undefined;
}

/** Of all fields with this name, which is in lower case, in order. */
export function fieldValues(headers: RawHeaders, wanted: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(headers[i + 1] ?? '');
  }
  return values;
}
