// What PATH and the home have on the machine of a reader: the system's programs, git with the
// project's address, and `portal-gateway`, `make`, `npm` and `node`. These four stand between the
// page and the real ones, for the reasons given with each.
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { childEnvironment } from './child-environment.ts';
import { repository } from './pages.ts';

/** The ports that the pages name. 3000 is the reader's app, which the test provides. */
export const pagePorts = [3000, 4017, 4018, 8080, 8081, 9090] as const;
/** Others may use the ports of the pages, so each page gets free ones instead. */
export type Ports = ReadonlyMap<number, number>;

const systemFolders = ['/usr/local/bin', '/usr/bin', '/bin'];

/** Whether the page would find the program. */
export function hasProgram(name: string): boolean {
  return systemFolders.some((folder) => existsSync(join(folder, name)));
}

export function withPorts(text: string, ports: Ports): string {
  return text.replaceAll(/(?<![\w.])\d{4}(?![\w.])/g, (digits) => String(ports.get(Number(digits)) ?? digits));
}

/**
 * Notes a server of the kind SERVER, so that the test can wait until it serves. Its output goes to
 * files: logs are searched for secrets, while `dev` shows its key on purpose.
 */
const serve = `
serve() {
  local log="$PAGE/servers/$$.log"
  [ "$SERVER" = dev ] && log="$PAGE/servers/$$.shown"
  [ -p /dev/stdout ] || exec > "$log"
  printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$SERVER" "$$" "$port" "$log" "$*" >> "$PAGE/servers/started"
  exec "$@" 2> "$log.notes"
}`;

function programs(ports: Ports): Record<string, string> {
  const relayUrl = `ws://localhost:${String(ports.get(4017))}/relay`;
  // Runs the sources; a default port becomes that of the test.
  const gateway = `#!/bin/bash
main=("${process.execPath}" "${join(repository, 'src/main.ts')}")
[[ " $* " == *" --relay "* ]] || export PORTAL_RELAY_URL="\${PORTAL_RELAY_URL-${relayUrl}}"
[[ " $* " == *" --help "* ]] && exec "\${main[@]}" "$@"
case "$1" in
  relay) port=${String(ports.get(4017))};;
  start|dev) port=${String(ports.get(8080))};;
  expose) port=0;;
  *) exec "\${main[@]}" "$@";;
esac
SERVER=$1
${serve}
for ((i = 1; i <= $#; i++)); do [ "\${!i}" = --port ] && { n=$((i + 1)); port=\${!n}; given=yes; }; done
[ "$SERVER" = expose ] || [ -n "$given" ] || set -- "$@" --port "$port"
serve "\${main[@]}" "$@"
`;
  // `run` is real, but for the packages: they are those of this checkout, since `npm ci` needs the
  // registry. The other targets would run this test itself, or for minutes: of those, the test sees
  // only that they exist and take these variables.
  const make = `#!/bin/bash
[ "$1" = run ] || exec /usr/bin/make --dry-run --silent "$@" > /dev/null
ln -sfn "${join(repository, 'node_modules')}" node_modules
rm -rf tools/runtime/node_modules && ln -sfn "${join(repository, 'tools/runtime/node_modules')}" tools/runtime/node_modules
SERVER=dev port=${String(ports.get(8080))}
${serve}
serve /usr/bin/make --old-file=node_modules/.package-lock.json "$@" PORT="$port"
`;
  // `npm ci` needs the registry and builds, which takes as long as all pages: first-minutes.test.ts
  // builds. Here it needs the right folder, and `npm install -g .` needs it; the command is missing
  // before. `npm link` links what was built; here it links the sources.
  const npm = `#!/bin/bash
case "$*" in
  ci) grep -q '"name": "portal-gateway"' package-lock.json && touch "$PAGE/built";;
  'install -g .') grep -q '"name": "portal-gateway"' package.json && rm "$PAGE/built" && mv "$PAGE/uninstalled/portal-gateway" "$PAGE/bin/";;
  'link portal-gateway')
    command -v portal-gateway > /dev/null || { echo 'npm: portal-gateway is not installed' >&2; exit 1; }
    mkdir -p node_modules/portal-gateway && ln -sfn "${join(repository, 'src')}" node_modules/portal-gateway/src
    echo '{ "type": "module", "exports": { "./portal": "./src/portal/index.ts" } }' > node_modules/portal-gateway/package.json;;
  *) echo "npm $*: the test has no such command" >&2; exit 1;;
esac
`;
  // The system may have an older Node, or none.
  const node = `#!/bin/bash\nexec "${process.execPath}" "$@"\n`;
  return { 'portal-gateway': gateway, make, npm, node };
}

/** The address of the project in the pages, as git has it on the machine of the test. */
const projectUrl = 'https://git.example.com/portal-gateway.git';

/** Fills the folder `place`. `installs`: the page itself installs the command. */
export async function prepareMachine(place: string, ports: Ports, installs: boolean): Promise<void> {
  for (const folder of ['bin', 'uninstalled', 'home', 'work', 'steps', 'servers']) await mkdir(join(place, folder));
  for (const [name, text] of Object.entries(programs(ports))) {
    const folder = installs && name === 'portal-gateway' ? 'uninstalled' : 'bin';
    await writeFile(join(place, folder, name), text);
    await chmod(join(place, folder, name), 0o755);
  }
  // Readers learn of a 4xx or 5xx from its text; the test, from the exit code.
  await writeFile(join(place, 'home/.curlrc'), 'fail-with-body\nsilent\nshow-error\nmax-time = 20\n');
  await writeFile(join(place, 'home/.gitconfig'), `[url "${repository}"]\n  insteadOf = ${projectUrl}\n`);
}

export function environmentOf(place: string): NodeJS.ProcessEnv {
  return childEnvironment({
    HOME: join(place, 'home'),
    PATH: [join(place, 'bin'), ...systemFolders].join(':'),
    PAGE: place,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    SHELL: '/bin/bash',
  });
}
