// One terminal of a reader: an interactive bash that text is pasted into. It reports what it shows:
// the end of a pasted text, commands that failed, and background jobs that ended.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOf } from './page-programs.ts';

/** Bounds a pasted text, so that a command that hangs is reported with its output. */
const maxPasteMs = 60_000;

/**
 * A failed command is shown with its exit code. The prompt is empty, so that it is no output. No
 * history is written, since the shell may outlive its folder.
 */
const startup = `
PS1= PS2=
unset HISTFILE
set -o pipefail
__failed() { printf '@@failed %s\\t%s\\n' "$1" "\${2//$'\\n'/ }"; }
trap '__failed "$?" "$BASH_COMMAND"' ERR
__pasted() { echo "@@pasted $1"; }
`;

export class PageTerminal {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #events = new EventEmitter();
  readonly #exited: Promise<unknown>;
  #shown = '';
  #taken = 0;
  #pastes = 0;
  ended = false;

  constructor(place: string) {
    writeFileSync(join(place, 'bashrc'), startup);
    const bash = `bash --noprofile --rcfile "${place}/bashrc" --noediting -i`;
    this.#child = spawn('script', ['--quiet', '--command', bash, '/dev/null'], {
      cwd: join(place, 'work'),
      env: environmentOf(place),
    });
    const keep = (text: string): void => {
      this.#shown += text.replaceAll('\r', '');
      this.#events.emit('change');
    };
    this.#child.stdout.setEncoding('utf8').on('data', keep);
    this.#child.stderr.setEncoding('utf8').on('data', keep);
    // The shell may have ended before all is pasted.
    this.#child.stdin.on('error', () => undefined);
    this.#exited = once(this.#child, 'exit').then(() => {
      this.ended = true;
      this.#events.emit('change');
    });
  }

  /** Pastes the text, and returns a check of whether the shell has done all of it. */
  paste(text: string): () => boolean {
    const id = (this.#pastes += 1);
    // The empty line lets bash report jobs that have ended.
    this.#child.stdin.write(`${text}\n__pasted ${id}\n`);
    return () => this.ended || this.#shown.includes(`@@pasted ${id}\n`);
  }

  interrupt(): void {
    this.#child.stdin.write('\u0003');
  }

  /** Waits until the check holds; false: the time is over. */
  async until(check: () => boolean): Promise<boolean> {
    const signal = AbortSignal.timeout(maxPasteMs);
    while (!check()) {
      try {
        await once(this.#events, 'change', { signal });
      } catch {
        return false;
      }
    }
    return true;
  }

  /** What the terminal has shown since the call before. */
  take(): string {
    const text = this.#shown.slice(this.#taken);
    this.#taken = this.#shown.length;
    return text;
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}

/** The failures in what a terminal has shown: of commands, and of jobs in the background. */
export function failuresIn(shown: string): string[] {
  const commands = Array.from(shown.matchAll(/^@@failed (\d+)\t(.*)$/gm), ([, code = '', command = '']) => {
    return `exit code ${code}: ${command}`;
  });
  // What bash says of a job: `[1]+  Exit 75    portal-gateway start`.
  const jobs = Array.from(shown.matchAll(/^\[\d+\][ +-] +(Exit \d+|Killed|Aborted|Segmentation fault)(\D.*)$/gm));
  return [
    ...commands,
    ...jobs.map(([, end = '', command = '']) => `in the background: ${end.toLowerCase()}: ${command.trim()}`),
  ];
}
