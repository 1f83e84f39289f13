// Runs the response fuzzer: reads random responses in one piece, in random pieces, and with llhttp.
// The same seed gives the same run.
import { isDeepStrictEqual } from 'node:util';
import { comparable, readResponse, splitAt } from '../helpers/http-reading.ts';
import { seededRandom } from '../soak/random.ts';
import { differenceOf } from './response-differences.ts';
import { randomCase } from './response-grammar.ts';

export interface FuzzReport {
  /** Number of cases by result: `same`, or the name of a listed difference. */
  readonly counts: Map<string, number>;
  /** The first differences that no rule explains, with the responses. */
  readonly faults: string[];
}

export const maxFaults = 10;

export function fuzzResponses(
  seed: string,
  cases: number,
  report: FuzzReport = { counts: new Map(), faults: [] },
): FuzzReport {
  const random = seededRandom(seed);
  for (let i = 0; i < cases && report.faults.length < maxFaults; i += 1) {
    const { bytes, expected } = randomCase(random);
    const difference = differenceOf(bytes, expected);
    const name = difference === undefined ? 'same' : typeof difference === 'string' ? difference : difference.name;
    report.counts.set(name, (report.counts.get(name) ?? 0) + 1);
    const text = `${expected.method} ${JSON.stringify(bytes.toString('latin1'))}`;
    if (typeof difference === 'string') report.faults.push(`${difference}: ${text}`);
    const offsets = Array.from({ length: random.between(1, 4) }, () => random.between(0, bytes.length));
    const [whole, split] = [[bytes], splitAt(bytes, offsets)].map((pieces) =>
      comparable(readResponse(pieces, expected)),
    );
    if (!isDeepStrictEqual(whole, split)) report.faults.push(`split at ${offsets.join()}: ${text}`);
  }
  return report;
}
