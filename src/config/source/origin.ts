// The origin of a value, and errors and warnings about it, as lines for people.
import { commonTemporary, type MayPass } from '../../kernel/errors/temporary-fault.ts';

export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string };

/** An error or a warning. */
export interface Finding extends MayPass {
  /** Undefined: it concerns the whole configuration. */
  readonly origin: Origin | undefined;
  readonly message: string;
  /** The number of findings of the same kind that are omitted in favour of this one. */
  readonly leftOff?: number;
}

/** `gateway.yaml:3:9`, `GATEWAY_PORT`, `--port`. */
export function showOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`;
    case 'environment':
    case 'flag':
      return origin.name;
  }
}

/** `gateway.yaml:3:9: gateway.port must be …` */
export function findingLine({ origin, message }: Finding): string {
  return origin === undefined ? message : `${showOrigin(origin)}: ${message}`;
}

/** Sorts by file and position in it; environment and flags follow. */
export function byPosition(a: Finding, b: Finding): number {
  const [fileA, fileB] = [fileOf(a), fileOf(b)];
  if (fileA !== fileB && fileA !== undefined && fileB !== undefined) return fileA < fileB ? -1 : 1;
  const rank = (finding: Finding): readonly [number, number, number] => {
    const { origin } = finding;
    if (origin?.kind === 'file') return [1, origin.line, origin.column];
    return [origin === undefined ? 0 : origin.kind === 'environment' ? 2 : 3, 0, 0];
  };
  const [x, y] = [rank(a), rank(b)];
  return x[0] - y[0] || x[1] - y[1] || x[2] - y[2];
}

function fileOf({ origin }: Finding): string | undefined {
  return origin?.kind === 'file' ? origin.file : undefined;
}

/** More findings do not help, and each becomes a log line. */
const maxFindings = 200;

/** The first findings, and a line with the number of the others. */
export function boundedFaults(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= maxFindings) return findings;
  const rest = findings.slice(maxFindings);
  const message = `and ${rest.length} more errors`;
  return [...findings.slice(0, maxFindings), { origin: undefined, message, temporary: commonTemporary(rest) }];
}
