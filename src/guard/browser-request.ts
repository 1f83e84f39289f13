// Recognises requests of browsers. Only for refusals: other clients can send the same headers. For
// plain http to hosts other than this machine, browsers omit Sec-Fetch-Site, and Origin in reads of
// their own origin: there only the user agent, which every browser begins alike, shows them.
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders } from '../kernel/http/http.ts';

/** Not `Sec-Fetch-Mode`: fetch() of Node.js sends that one. */
export function isFromBrowser(headers: RawHeaders): boolean {
  return (
    fieldValue(headers, 'sec-fetch-site') !== undefined ||
    fieldValue(headers, 'origin') !== undefined ||
    fieldValue(headers, 'user-agent')?.startsWith('Mozilla/') === true
  );
}
