// Estimates the input of a request, for when the usage of its response is estimated. Counts bytes;
// does not read the text.
import type { UsageFacts } from '../../usage/usage-charge.ts';
import { maxRatio } from '../../usage/decoder.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import type { Exchange } from '../stage.ts';

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** Whether the method only reads existing data, so that no model has to run. */
export function isReadOnly(method: string): boolean {
  return readingMethods.has(method);
}

/**
 * A body with a content coding is not decoded: it counts with the highest compression ratio that is
 * accepted for responses.
 */
export function requestTextBytes({ body, req: { headers } }: Exchange): number {
  return body.receivedBytes * (isCoded(headers) ? maxRatio : 1);
}

function isCoded(headers: RawHeaders): boolean {
  return headers.some((name, i) => {
    if (i % 2 === 1 || name.toLowerCase() !== 'content-encoding') return false;
    const coding = headers[i + 1]?.trim().toLowerCase();
    return coding !== '' && coding !== 'identity';
  });
}

/**
 * For an upgraded connection: everything that the client sent counts as request text, and
 * everything that it received as response text.
 */
export function socketFacts(fromApp: number, toApp: number): UsageFacts {
  return {
    reported: undefined,
    reportsOutput: false,
    isModel: true,
    // Usage cannot be reported here: estimate it even where unreported usage is denied.
    complete: false,
    requestTextBytes: toApp,
    textBytes: fromApp,
    unreportedTextBytes: fromApp,
    decodedBytes: Infinity,
    hidesOutput: true,
  };
}
