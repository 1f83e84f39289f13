// Runs the steps of a page as its reader does: pasted one after the other into one bash on a
// terminal, in an empty directory with an empty home. PATH has the system's programs and
// `portal-gateway`. Only port numbers differ from the page, because others may use those of the
// page.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { repository } from './pages.ts';
import { inTerminals, isServer, type Step } from './pasted-page.ts';
import { tempDirectory } from './temp-directory.ts';

/** The ports that the pages name. 3000 is the reader's app, which the test provides. */
const pagePorts = [3000, 4017, 8080, 8081, 9090] as const;
type Ports = ReadonlyMap<number, number>;

const systemFolders = ['/usr/local/bin', '/usr/bin', '/bin'];

/** Bounds a page, so that a command that hangs is reported with the output of the page. */
const maxPageMs = 100_000;

/** Whether the page would find the program. */
export function hasProgram(name: string): boolean {
  return systemFolders.some((folder) => existsSync(join(folder, name)));
}

export interface StepResult {
  readonly step: Step;
  /** Undefined: the step was not reached, since one before it did not end. */
  readonly failures: readonly string[] | undefined;
  readonly output: string;
}

/** The steps that are run; the caller has left out those whose needs are not met. */
export async function runSteps(t: TestContext, steps: readonly Step[]): Promise<StepResult[]> {
  const place = await tempDirectory(t);
  const ports: Ports = new Map(
    await Promise.all(
      pagePorts.map(async (port) => [port, port === 3000 ? await app(t, place) : await freePort()] as const),
    ),
  );
  for (const folder of ['bin', 'home', 'work', 'steps', 'servers']) await mkdir(join(place, folder));
  for (const [name, text] of Object.entries(programs(ports))) {
    await writeFile(join(place, 'bin', name), text);
    await chmod(join(place, 'bin', name), 0o755);
  }
  // Readers learn of a 4xx or 5xx from its text; the test, from the exit code.
  await writeFile(join(place, 'home/.curlrc'), 'fail-with-body\nsilent\nshow-error\nmax-time = 20\n');
  await writeFile(join(place, 'driver'), await driver(place, steps, ports));
  const output = await inBash(t, place);
  return steps.map((step, i) => {
    const failures = join(place, `steps/${i}.failures`);
    const ended = existsSync(join(place, `steps/${i}.ended`));
    const part = output.split(`@@step ${i}\r\n`)[1]?.split('@@step ')[0] ?? '';
    return {
      step,
      output: part.replaceAll('\r', ''),
      failures: ended ? (existsSync(failures) ? readFileSync(failures, 'utf8').trim().split('\n') : []) : undefined,
    };
  });
}

/** The app that the pages assume on port 3000. It has a git repository, as a folder of files. */
async function app(t: TestContext, place: string): Promise<number> {
  const bare = join(place, 'app');
  await promisify(execFile)('git', ['init', '--quiet', '--bare', bare]);
  await promisify(execFile)('git', ['-C', bare, 'update-server-info']);
  const server = createServer(({ url = '' }, response) => {
    const [, path] = /^\/repository\.git\/([\w/-]+)(?:\?|$)/.exec(url) ?? [];
    if (path === undefined) response.end('hello from the app\n');
    else if (existsSync(join(bare, path))) response.end(readFileSync(join(bare, path)));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

function withPorts(text: string, ports: Ports): string {
  return text.replaceAll(/(?<![\w.])\d{4}(?![\w.])/g, (digits) => String(ports.get(Number(digits)) ?? digits));
}

function programs(ports: Ports): Record<string, string> {
  const port = (name: (typeof pagePorts)[number]): string => String(ports.get(name));
  // A server takes the place of the one before it of the same kind: a reader presses Ctrl-C there,
  // because the port is taken. Its output goes to a file, as to a terminal that is not watched.
  const gateway = `#!/bin/bash
main=("${process.execPath}" "${join(repository, 'src/main.ts')}")
[[ " $* " == *" --relay "* ]] || export PORTAL_RELAY_URL="\${PORTAL_RELAY_URL-ws://localhost:${port(4017)}/relay}"
case "$1" in start|dev|expose|relay) ;; *) exec "\${main[@]}" "$@";; esac
[[ " $* " == *" --help "* ]] && exec "\${main[@]}" "$@"
kind=$1 port= name=
for ((i = 1; i <= $#; i++)); do
  [ "\${!i}" = --port ] && { n=$((i + 1)); port=\${!n}; }
  [ "\${!i}" = --name ] && { n=$((i + 1)); name=\${!n}; }
done
case "$kind" in
  relay) default=${port(4017)};;
  start|dev) default=${port(8080)};;
  expose) default=;;
esac
[ -z "$port" ] && [ -n "$default" ] && { port=$default; set -- "$@" --port "$port"; }
slot="$port-$name"; [ "$kind" = dev ] && slot="$port-"
if read -r old < "$PAGE/servers/$slot.pid"; then
  kill -INT "$old"; for ((i = 0; i < 30; i++)); do kill -0 "$old" || break; sleep 0.1; done; kill -KILL "$old"
fi 2> /dev/null
echo $$ > "$PAGE/servers/$slot.pid"
log="$PAGE/servers/$slot.log"
# Logs are searched for secrets; dev shows its key on purpose.
[ "$kind" = dev ] && log="$PAGE/servers/$slot.shown"
echo "$kind $$ $port $log" >> "$PAGE/servers/started"
[ -p /dev/stdout ] || exec > "$log"
exec "\${main[@]}" "$@" 2> "$log.notes"
`;
  // Says whether make has such a target, and would run it with these variables.
  const make = `#!/bin/bash\nexec /usr/bin/make --dry-run --silent -C "${repository}" "$@" > /dev/null\n`;
  // The folder has the command already; a program gets the library as npm links it.
  const npm = `#!/bin/bash
case "$*" in
  'install -g .') ;;
  'link portal-gateway')
    mkdir -p node_modules/portal-gateway && ln -sfn "${join(repository, 'src')}" node_modules/portal-gateway/src
    echo '{ "type": "module", "exports": { "./portal": "./src/portal/index.ts" } }' > node_modules/portal-gateway/package.json;;
  *) echo "npm $*: the test has no such command" >&2; exit 1;;
esac
`;
  const node = `#!/bin/bash\nexec "${process.execPath}" "$@"\n`;
  return { 'portal-gateway': gateway, make, npm, node };
}

/** Waits until what a step started in the background serves, as a reader sees it do. */
const readiness = `
registered() { for ((i = 0; i < 50; i++)); do [ -e "$PAGE/servers/started" ] && break; sleep 0.1; done; }
ready() {
  local kind pid port log
  [ -e "$PAGE/servers/started" ] || return 0
  while read -r kind pid port log; do
    for ((i = 0; i < 300; i++)); do
      kill -0 "$pid" 2> /dev/null || { fail "portal-gateway $kind has ended: $(cat "$log" "$log.notes")"; break; }
      case "$kind" in
        relay) (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break;;
        start) curl --output /dev/null "http://127.0.0.1:$port/health/ready" 2> /dev/null && break;;
        dev) grep -q '^try ' "$log" && break;;
        *) [ -s "$log" ] && break; [ -e "$log" ] || { ((i > 10)) && break; };;
      esac
      sleep 0.1
    done
    ((i < 300)) || fail "portal-gateway $kind is not ready: $(cat "$log" "$log.notes")"
  done < "$PAGE/servers/started"
  rm "$PAGE/servers/started"
}`;

/** Writes a file of the page, and waits until a gateway that runs with it has reloaded it. */
const writing = `
reloads() { cat "$PAGE"/servers/*.log 2> /dev/null | grep -c 'configuration reloaded' || true; }
write() {
  local before=$(reloads)
  cp "$1" "$2"
  [[ "$2" == *.yaml ]] && ls "$PAGE"/servers/*.log > /dev/null 2>&1 || return 0
  for ((i = 0; i < 50 && $(reloads) == before; i++)); do sleep 0.1; done
}`;

async function driver(place: string, steps: readonly Step[], ports: Ports): Promise<string> {
  const parts = [
    `echo $$ > "$PAGE/driver.pid"`,
    `fail() { [[ "$1" == *': source "$PAGE/'* ]] || echo "$1" >> "$PAGE/steps/$step.failures"; }`,
    readiness,
    writing,
  ];
  // A failure in the background does not come here: ready() looks at the servers.
  parts.push('set -o pipefail', `trap 'fail "exit code $?: $BASH_COMMAND"' ERR`);
  for (const [i, step] of steps.entries()) {
    const text = withPorts(step.text, ports);
    await writeFile(join(place, `steps/${i}`), step.file === undefined ? inTerminals(text) : text);
    parts.push(`step=${i}; echo "@@step ${i}"`);
    if (step.file !== undefined) parts.push(`write "$PAGE/steps/${i}" '${step.file}'`);
    else {
      parts.push(`source "$PAGE/steps/${i}"`);
      if (isServer(step.text)) parts.push('registered');
    }
    parts.push(`ready; touch "$PAGE/steps/${i}.ended"`);
  }
  return `${parts.join('\n')}\n`;
}

async function inBash(t: TestContext, place: string): Promise<string> {
  const child = spawn('script', ['--quiet', '--command', `bash "${place}/driver"`, '/dev/null'], {
    cwd: join(place, 'work'),
    env: {
      HOME: join(place, 'home'),
      PATH: [join(place, 'bin'), ...systemFolders].join(':'),
      PAGE: place,
      LANG: 'C.UTF-8',
      TERM: 'dumb',
      SHELL: '/bin/bash',
      ...(process.env['NODE_COMPILE_CACHE'] !== undefined && {
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: maxPageMs,
  });
  let output = '';
  const keep = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  t.after(() => {
    endAll(place);
  });
  // Servers of the page keep the terminal open beyond the driver: only they hold its output.
  await once(child, 'exit');
  endAll(place);
  return output;
}

/** Ends the bash of the page and all that it started: script(1) made them one process group. */
function endAll(place: string): void {
  try {
    process.kill(-Number(readFileSync(join(place, 'driver.pid'), 'utf8')), 'SIGKILL');
  } catch {
    // Has ended, or never began.
  }
}
