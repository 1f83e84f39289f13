// Recognises requests of browsers. Only for refusals: other clients can send the same headers, and
// browsers omit Sec-Fetch-Site for plain http to hosts other than this machine.
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders } from '../kernel/http/http.ts';

/** Not `Sec-Fetch-Mode`: fetch() of Node.js sends that one. */
export function isFromBrowser(headers: RawHeaders): boolean {
  return fieldValue(headers, 'sec-fetch-site') !== undefined || fieldValue(headers, 'origin') !== undefined;
}
