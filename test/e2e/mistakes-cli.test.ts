// The mistakes that people make on the command line: each gives an exit code, and a message that
// has what happened, where, and what to do. More of them are in cli-bad-input.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createApiKey } from '../../src/auth/api-key.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';

interface Mistake {
  readonly args: readonly string[];
  /** The files of the directory that the command runs in; FREE and TAKEN stand for ports. */
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly code: 0 | 1 | 2 | 75;
  /** All of the text for people. */
  readonly what: RegExp;
  readonly where: RegExp;
  readonly remedy: RegExp;
}

const oneRule = { 'gateway.yaml': 'lease_acl: { my-app: ["*"] }\nportal: { relay_url: ws://127.0.0.1:FREE/relay }\n' };
const valid = createApiKey('live');

const mistakes: Readonly<Record<string, Mistake>> = {
  // Commands and options
  'a command that is mistyped': {
    ...{ args: ['strat'], code: 2 },
    ...{ what: /unknown command/, where: /"strat"/, remedy: /did you mean start\?/ },
  },
  'a mistyped command with --help': {
    ...{ args: ['exopse', '--help'], code: 2 },
    ...{ what: /unknown command/, where: /"exopse"/, remedy: /did you mean expose\?/ },
  },
  'a mistyped subcommand': {
    ...{ args: ['keys', 'crate', 'x'], code: 2 },
    ...{ what: /unknown command/, where: /"keys crate"/, remedy: /did you mean keys create\?/ },
  },
  'a mistyped subcommand of a command that works alone': {
    ...{ args: ['leases', 'acept', 'x'], code: 2 },
    ...{ what: /unknown command/, where: /"leases acept"/, remedy: /did you mean leases accept\?/ },
  },
  'a command that is near no other': {
    ...{ args: ['frobnicate'], code: 2 },
    ...{ what: /unknown command/, where: /"frobnicate"/, remedy: /see "portal-gateway --help"/ },
  },
  'help for a mistyped command': {
    ...{ args: ['help', 'keys', 'revok'], code: 2 },
    ...{ what: /unknown command/, where: /"keys revok"/, remedy: /did you mean keys revoke\?/ },
  },
  'options, then a word that is no file': {
    ...{ args: ['--port', '0', 'gatway'], code: 2 },
    ...{ what: /unknown command/, where: /"gatway"/, remedy: /see "portal-gateway --help"/ },
  },
  'a mistyped option': {
    ...{ args: ['validate', '--chek-relays'], code: 2 },
    ...{ what: /unknown option/, where: /--chek-relays/, remedy: /Did you mean --check-relays\?.*validate --help/ },
  },
  'a shell that has no completion': {
    ...{ args: ['completion', 'tcsh'], code: 2 },
    ...{ what: /invalid for argument/, where: /'tcsh'/, remedy: /Allowed choices are bash, zsh, fish/ },
  },
  'a configuration file given twice': {
    ...{ args: ['start', 'gateway.yaml', '-c', 'other.yaml'], files: oneRule, code: 2 },
    ...{ what: /given twice/, where: /gateway\.yaml and as --config other\.yaml/, remedy: /leave one out/ },
  },
  'an argument too many': {
    ...{ args: ['validate', 'a.yaml', 'b.yaml'], code: 2 },
    ...{ what: /too many arguments/, where: /Expected 1 argument but got 2/, remedy: /validate --help/ },
  },
  // The configuration
  'a configuration file that does not exist': {
    ...{ args: ['gatway.yaml'], code: 1 },
    ...{ what: /does not exist/, where: /gatway\.yaml:1:1/, remedy: /the configuration file/ },
  },
  'a variable near GATEWAY_API_KEY': {
    ...{ args: ['validate', 'gateway.yaml'], files: oneRule, environment: { GATEWAY_APIKEY: valid }, code: 0 },
    ...{ what: /has no effect/, where: /warning: GATEWAY_APIKEY/, remedy: /did you mean GATEWAY_API_KEY\?/ },
  },
  'a variable near PORTAL_RELAY_URL': {
    ...{ args: ['validate', 'gateway.yaml'], files: oneRule, environment: { PORTAL_RELAY_ULR: 'ws://x' }, code: 0 },
    ...{ what: /has no effect/, where: /warning: PORTAL_RELAY_ULR/, remedy: /did you mean PORTAL_RELAY_URL\?/ },
  },
  'a variable near the one that a command without a configuration reads': {
    ...{ args: ['version'], environment: { PORTAL_RELAY_URI: 'ws://x' }, code: 0 },
    ...{ what: /has no effect/, where: /warning: PORTAL_RELAY_URI/, remedy: /did you mean PORTAL_RELAY_URL\?/ },
  },
  'a mistyped setting': {
    ...{ args: ['start', 'gateway.yaml'], files: { 'gateway.yaml': 'gateway: { prot: 80 }' }, code: 1 },
    ...{ what: /unknown setting/, where: /gateway\.yaml:1:12: /, remedy: /did you mean gateway\.port\?/ },
  },
  'a log format that does not exist': {
    ...{ args: ['start', 'gateway.yaml'], files: { 'gateway.yaml': 'logging: { format: text }' }, code: 1 },
    ...{
      what: /"text"/,
      where: /gateway\.yaml:1:\d+: logging\.format/,
      remedy: /auto, json or pretty|auto, json, pretty/,
    },
  },
  // Keys and leases
  'explain for a mistyped key': {
    ...{ args: ['explain', '-c', 'gateway.yaml', '--key', 'environmen', '--lease', 'my-app'], files: oneRule },
    ...{ environment: { GATEWAY_API_KEY: valid }, code: 2 },
    ...{ what: /there is no key/, where: /"environmen"/, remedy: /did you mean environment\?/ },
  },
  'explain for a mistyped lease': {
    ...{ args: ['explain', '-c', 'gateway.yaml', '--lease', 'my-ap'], files: oneRule, code: 1 },
    ...{ what: /refused: missing_credentials/, where: /a rule for "my-app"/, remedy: /did you mean that lease\?/ },
  },
  'revoking a key from a file that does not exist': {
    ...{ args: ['keys', 'revoke', 'bot', '--file', 'kys.yaml'], code: 1 },
    ...{ what: /does not exist/, where: /kys\.yaml/, remedy: /keys create" creates it/ },
  },
  'no keys file': {
    ...{ args: ['keys', 'list', '-c', 'gateway.yaml'], files: oneRule, code: 2 },
    ...{ what: /no keys file is configured/, where: /auth\.keys_file/, remedy: /name it with --file FILE/ },
  },
  'a key for a pipe': {
    ...{ args: ['keys', 'create', 'bot', '--file', 'keys.yaml'], code: 2 },
    ...{ what: /could end up in a file or a log/, where: /stdout is not a terminal/, remedy: /--out FILE/ },
  },
  'a mistyped key to hash': {
    ...{ args: ['keys', 'hash'], input: `${valid.slice(0, -1)}${valid.endsWith('a') ? 'b' : 'a'}\n`, code: 1 },
    ...{ what: /mistyped/, where: /its last characters/, remedy: /do not match the others/ },
  },
  'a weak key to hash': {
    ...{ args: ['keys', 'hash', '--cost', '10'], input: 'my-secret-password\n', code: 0 },
    ...{ what: /warning: the key is easy to guess/, where: /the key/, remedy: /keys create" makes/ },
  },
  // Relays and ports
  'leases of a relay that is down': {
    ...{ args: ['leases', '--relay', 'ws://127.0.0.1:FREE/relay'], code: 75 },
    ...{ what: /nothing listens on port/, where: /127\.0\.0\.1/, remedy: /start the relay/ },
  },
  'accepting a lease of a relay that is down': {
    ...{ args: ['leases', 'accept', 'my-app', '--relay', 'ws://127.0.0.1:FREE/relay'], code: 75 },
    ...{ what: /nothing listens on port/, where: /127\.0\.0\.1/, remedy: /start the relay/ },
  },
  'a gateway port in use': {
    ...{ args: ['start', 'gateway.yaml', '--port', 'TAKEN'], files: oneRule, code: 75 },
    ...{ what: /is in use/, where: /port \d+ on 127\.0\.0\.1/, remedy: /another port with --port/ },
  },
  'an admin port in use': {
    ...{
      args: ['start', 'gateway.yaml', '--port', '0'],
      files: { 'gateway.yaml': 'admin: { port: TAKEN }' },
      code: 75,
    },
    ...{ what: /is in use/, where: /the admin listener .* port \d+/, remedy: /another port with admin\.port/ },
  },
  // health
  'health without a gateway': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:FREE'], code: 75 },
    ...{ what: /no gateway responds/, where: /http:\/\/127\.0\.0\.1:\d+/, remedy: /start one with|correct --url/ },
  },
  'health of a server that is not the gateway': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:TAKEN'], code: 1 },
    ...{ what: /is not a gateway/, where: /http:\/\/127\.0\.0\.1:\d+\/health\/ready/, remedy: /correct --url/ },
  },
  'health of a port that speaks no HTTP': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:OTHER'], code: 1 },
    ...{ what: /not a gateway|without a response/, where: /http:\/\/127\.0\.0\.1:\d+/, remedy: /--url/ },
  },
  'health on a port of another protocol': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:25'], code: 1 },
    ...{ what: /port of another protocol/, where: /127\.0\.0\.1:25/, remedy: /correct --url/ },
  },
};

const ports = { TAKEN: 0, OTHER: 0, FREE: 0 };
const servers: Server[] = [];

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

before(async () => {
  // An app that responds 200 to everything, as single-page apps do.
  ports.TAKEN = await listen(createHttpServer((_request, response) => response.end('{"status":"ok"}')));
  ports.OTHER = await listen(createTcpServer((socket) => socket.on('error', () => undefined).end('220 mail\r\n')));
  const gone = createTcpServer();
  ports.FREE = await listen(gone);
  gone.close();
});

after(() => {
  for (const server of servers) server.close();
});

function withPorts(text: string): string {
  return text.replace(/\b(?:TAKEN|OTHER|FREE)\b/g, (name) => `${ports[name as keyof typeof ports]}`);
}

// Each process mostly waits for its modules to load, so four run at a time.
describe('mistakes on the command line', { concurrency: 4 }, () => {
  for (const [name, mistake] of Object.entries(mistakes)) {
    test(`${name}: exit ${mistake.code}`, async (t) => {
      const directory = await temporaryDirectory(t);
      for (const [file, text] of Object.entries(mistake.files ?? {}))
        await writeFile(join(directory, file), withPorts(text));
      const environment = { XDG_STATE_HOME: directory, ...mistake.environment };
      const cli = startCli(t, mistake.args.map(withPorts), environment, mistake.input, {
        cwd: directory,
      });
      assert.equal(await cli.exited, mistake.code, cli.stderr());
      const shown = cli.stderr();
      for (const part of [mistake.what, mistake.where, mistake.remedy]) assert.match(shown, part);
      // A stack is not a message.
      assert.doesNotMatch(shown, /^ +at /m);
      if (mistake.code !== 0) assert.equal(shown.trimEnd().split('\n').length, 1, shown);
    });
  }
});
