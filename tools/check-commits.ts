// Checks the subjects of commits: of the message in a file (as the hook commit-msg), or of every
// commit since the rule exists. A clone without that commit, or a folder without history, has
// nothing to check.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** The last commit before the rule. */
const lastUnchecked = '67e44d12964ec3a535755e6d47ccd5961bf45eb4';
const maxSubjectChars = 72;
const form = /^[a-z][a-z0-9/-]*(?:, [a-z][a-z0-9/-]*)*: \S/;

/** Returns what is wrong with a subject, if anything. Merges and reverts keep those of git. */
export function subjectFault(subject: string): string | undefined {
  if (/^(?:Merge|Revert) /.test(subject)) return undefined;
  if (subject.length > maxSubjectChars)
    return `has ${subject.length} characters, at most ${maxSubjectChars} are allowed`;
  if (!form.test(subject)) return 'is not "area: summary"';
  return subject.endsWith('.') ? 'ends with a full stop' : undefined;
}

/** Newest first. Empty if the history does not have the commit `after`. */
export function subjectsSince(after: string, directory: string): string[] {
  try {
    const args = ['log', '--no-merges', '--format=%s', `${after}..HEAD`];
    return execFileSync('git', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' }).split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

function messageSubject(file: string): string {
  return readFileSync(file, 'utf8').split('\n', 1)[0] ?? '';
}

if (import.meta.main) {
  const [, , file] = process.argv;
  const subjects = file === undefined ? subjectsSince(lastUnchecked, process.cwd()) : [messageSubject(file)];
  for (const subject of subjects) {
    const fault = subjectFault(subject);
    if (fault === undefined) continue;
    console.error(`commit subject ${JSON.stringify(subject)} ${fault}; see "Commits" in CONTRIBUTING.md`);
    process.exitCode = 1;
  }
}
