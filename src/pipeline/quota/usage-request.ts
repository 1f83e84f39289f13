// The input of a request, for when the usage of its response is estimated. Counts bytes; does not read the text.
import type { UsageFacts } from '../../usage/usage-charge.ts';
import { maxRatio } from '../../usage/decoder.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import type { Exchange } from '../stage.ts';

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** Such a request makes no model work: it asks for what is there already. */
export function isReadOnly(method: string): boolean {
  return readingMethods.has(method);
}

/** A body with a content coding is not decoded: it counts as what would be the most of a response. */
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

/** Of an upgraded connection: all that the client sent is text of requests, and all that it got text of responses. */
export function socketFacts(fromApp: number, toApp: number): UsageFacts {
  return {
    reported: undefined,
    reportsOutput: false,
    isModel: true,
    // Nobody could have reported: where unreported usage is denied, this is estimated.
    complete: false,
    requestTextBytes: toApp,
    textBytes: fromApp,
    unreportedTextBytes: fromApp,
    decodedBytes: Infinity,
    hidesOutput: true,
  };
}
