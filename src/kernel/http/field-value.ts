// Finds the values of one field among raw headers.
import type { RawHeaders } from './http.ts';

/** Value of the first field with this name. `wanted` must be lower case. */
export function fieldValue(headers: RawHeaders, wanted: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) return headers[i + 1];
  }
  return undefined;
}

/** Values of all fields with this name, in order. `wanted` must be lower case. */
export function fieldValues(headers: RawHeaders, wanted: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(headers[i + 1] ?? '');
  }
  return values;
}

/**
 * Value of the field if it occurs exactly once, otherwise undefined. `wanted` must be lower case.
 */
export function onlyValue(headers: RawHeaders, wanted: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1] ?? '';
  }
  return found;
}
