// The mistakes that people make on the command line, for mistakes-cli.test.ts.
import { createApiKey } from '../../src/auth/api-key.ts';

export interface Mistake {
  readonly args: readonly string[];
  /** What the command reads from stdin, in a process of its own. */
  readonly input?: string;
  /** The files of the directory that the command runs in; FREE and TAKEN stand for ports. */
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly code: 0 | 1 | 2 | 75;
  /** All of the text for people. */
  readonly what: RegExp;
  readonly where: RegExp;
  readonly remedy: RegExp;
}

const oneRule = { 'gateway.yaml': 'lease_acl: { my-app: ["*"] }\nportal: { relay_url: ws://127.0.0.1:FREE/relay }\n' };
const valid = createApiKey('live');

export const mistakes: Readonly<Record<string, Mistake>> = {
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
    ...{ what: /does not exist/, where: /gatway\.yaml:1:1/, remedy: /create it, or correct the path/ },
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
      remedy: /must be one of auto, json, pretty/,
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
    ...{ what: /mistyped/, where: /its last characters/, remedy: /copy it again/ },
  },
  'a weak key to hash': {
    ...{ args: ['keys', 'hash', '--cost', '10'], input: 'my-secret-password\n', code: 0 },
    ...{ what: /is easy to guess/, where: /^warning: the key /m, remedy: /keys create" makes/ },
  },
  // Relays and ports
  'leases of a relay that is down': {
    ...{ args: ['leases', '--relay', 'ws://127.0.0.1:FREE/relay'], code: 75 },
    ...{ what: /nothing listens on port/, where: /127\.0\.0\.1/, remedy: /start the relay/ },
  },
  'a gateway port in use': {
    ...{ args: ['start', 'gateway.yaml', '--port', 'TAKEN'], files: oneRule, code: 75 },
    ...{ what: /is in use/, where: /port \d+ on 127\.0\.0\.1/, remedy: /another port with --port/ },
  },
  'a port of dev, or of make run, in use': {
    ...{ args: ['dev', '--port', 'TAKEN'], code: 75 },
    ...{
      what: /is in use/,
      where: /port \d+ on 127\.0\.0\.1/,
      remedy: /another port with --port \(make run: PORT=8081\)/,
    },
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
    ...{ what: /no gateway responds/, where: /at http:\/\/127\.0\.0\.1:\d+/, remedy: /; start one .*, or correct --/ },
  },
  'health of a server that is not the gateway': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:TAKEN'], code: 1 },
    ...{ what: /is not a gateway/, where: /http:\/\/127\.0\.0\.1:\d+\/health\/ready/, remedy: /correct --url/ },
  },
  'health of a port that speaks no HTTP': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:OTHER'], code: 1 },
    ...{ what: /it does not speak HTTP/, where: /server at http:\/\/127\.0\.0\.1:\d+/, remedy: /; correct --url$/m },
  },
  'health on a port of another protocol': {
    ...{ args: ['health', '--url', 'http://127.0.0.1:25'], code: 1 },
    ...{ what: /port of another protocol/, where: /127\.0\.0\.1:25/, remedy: /correct --url/ },
  },
  // Options and their values
  'a lease name in place of the port': {
    ...{ args: ['dev', 'my-app'], code: 2 },
    ...{ what: /"my-app" is not a port/, where: /argument 'PORT'/, remedy: /write dev PORT --name my-app/ },
  },
  'the port of the gateway for the app': {
    ...{ args: ['dev', '3000', '--port', '3000'], code: 2 },
    ...{ what: /is the gateway's own/, where: /port 3000/, remedy: /another port for the gateway with --port/ },
  },
  'certificates for a relay of dev': {
    ...{ args: ['dev', '3000', '--ca-file', 'ca.pem'], code: 2 },
    ...{ what: /needs --relay/, where: /--ca-file/, remedy: /name a wss:\/\/ relay, or leave --ca-file out/ },
  },
  'a port that is no number': {
    ...{ args: ['start', '--port', 'abc'], code: 2 },
    ...{ what: /'abc' is invalid/, where: /'--port <N>'/, remedy: /a number from 0 to 65535/i },
  },
  'a rule without a principal': {
    ...{ args: ['start', '--allow', 'my-app'], code: 2 },
    ...{ what: /'my-app' is invalid/, where: /'--allow/, remedy: /as in 'my-app=billing-bot'/ },
  },
  'a relay by http': {
    ...{ args: ['start', '--relay', 'http://127.0.0.1'], code: 2 },
    ...{ what: /has the scheme http/, where: /'--relay <URL>'/, remedy: /ws:\/\/HOST\[:PORT\]\/relay/ },
  },
  'an app without a name': {
    ...{ args: ['expose', '3000'], code: 2 },
    ...{ what: /required option/, where: /'--name <NAME>'/, remedy: /see "portal-gateway expose --help"/ },
  },
  'an app whose name has a space': {
    ...{ args: ['expose', '3000', '--name', 'my app'], code: 2 },
    ...{ what: /contains a space/, where: /--name/, remedy: /letters, digits, "-" and "_" are allowed/ },
  },
  'an app at no address': {
    ...{ args: ['expose', 'my app', '--name', 'x'], code: 2 },
    ...{
      what: /"my app" is neither/,
      where: /argument 'TARGET'/,
      remedy: /a port, a host:port nor an http\(s\):\/\/ URL/,
    },
  },
  'certificates that do not exist': {
    ...{ args: ['leases', '--relay', 'wss://127.0.0.1:FREE/relay', '--ca-file', 'ca.pem'], code: 1 },
    ...{ what: /does not exist/, where: /--ca-file ca\.pem/, remedy: /create it, or correct the path/ },
  },
  'a URL of health without a scheme': {
    ...{ args: ['health', '--url', 'localhost:8080'], code: 2 },
    ...{ what: /is not an http\(s\):\/\/ URL/, where: /--url localhost:8080/, remedy: /http:\/\/HOST:PORT/ },
  },
  'an id in place of a lease name': {
    ...{ args: ['leases', 'accept', 'x', '--id', 'abc'], code: 2 },
    ...{ what: /not "abc"/, where: /--id/, remedy: /26 characters A-Z and 2-7/ },
  },
  // Variables and references
  'a variable with a bad port': {
    ...{ args: ['health'], environment: { GATEWAY_PORT: 'abc' }, code: 1 },
    ...{ what: /is not a port/, where: /GATEWAY_PORT=abc/, remedy: /set it to a number from 0 to 65535/ },
  },
  'a variable with a bad rule': {
    ...{ args: ['start'], environment: { LEASE_ACL: 'my-app' }, code: 1 },
    ...{ what: /"my-app" is not LEASE=PRINCIPAL/, where: /LEASE_ACL/, remedy: /as in my-app=billing-bot,/ },
  },
  'a reference without quotes in a flow map': {
    ...{
      args: ['start', 'gateway.yaml'],
      files: { 'gateway.yaml': 'auth: { keys: [{ id: a, key: ${X} }] }' },
      code: 1,
    },
    ...{ what: /a reference without quotes/, where: /gateway\.yaml:1:30: /, remedy: /write "\$\{NAME\}" in quotes/ },
  },
  'a variable that is not set': {
    ...{
      args: ['start', 'gateway.yaml'],
      files: { 'gateway.yaml': 'auth: { keys: [{ id: a, key: "${X}" }] }' },
      code: 1,
    },
    ...{
      what: /not set in the environment/,
      where: /gateway\.yaml:1:30: auth\.keys\[0\]\.key/,
      remedy: /set it, or correct/,
    },
  },
  'a secret in a file that does not exist': {
    ...{
      args: ['start', 'gateway.yaml'],
      files: { 'gateway.yaml': 'auth: { keys: [{ id: a, key: "file:k" }] }' },
      code: 1,
    },
    ...{
      what: /does not exist/,
      where: /auth\.keys\[0\]\.key names the file/,
      remedy: /create it, or correct the path/,
    },
  },
  'a tab in the configuration': {
    ...{ args: ['start', 'gateway.yaml'], files: { 'gateway.yaml': 'gateway:\n\tport: 80\n' }, code: 1 },
    ...{ what: /indented with a tab/, where: /gateway\.yaml:2:1: /, remedy: /only spaces/ },
  },
  'several lease names in one rule': {
    ...{ args: ['validate', 'gateway.yaml'], files: { 'gateway.yaml': 'lease_acl: { "my app": ["*"] }' }, code: 0 },
    ...{
      what: /a space in its name/,
      where: /gateway\.yaml:1:24: lease_acl\["my app"\]/,
      remedy: /write a rule for each/,
    },
  },
  'a rule for a key that does not exist': {
    ...{ args: ['validate', 'gateway.yaml'], files: { 'gateway.yaml': 'lease_acl: { my-app: [nobody] }' }, code: 0 },
    ...{
      what: /a key that does not exist/,
      where: /lease_acl\.my-app\[0\]/,
      remedy: /add it with "portal-gateway keys create"/,
    },
  },
  // Files that are written
  'init over an existing file': {
    ...{ args: ['init', '--yes', '--key-file', 'bot.key'], files: { 'gateway.yaml': '#' }, code: 1 },
    ...{ what: /exists/, where: /gateway\.yaml/, remedy: /name another file, or use --force/ },
  },
  'a key in a directory that does not exist': {
    ...{ args: ['keys', 'create', 'bot', '--out', 'no/bot.key', '--file', 'keys.yaml'], code: 1 },
    ...{ what: /the key cannot be written/, where: /to no\/bot\.key/, remedy: /create it first/ },
  },
  'a keys file in a directory that does not exist': {
    ...{ args: ['keys', 'create', 'bot', '--cost', '10', '--out', 'bot.key', '--file', 'no/keys.yaml'], code: 1 },
    ...{ what: /cannot be changed/, where: /no\/keys\.yaml/, remedy: /create it first/ },
  },
  'two names of the keys file': {
    ...{ args: ['keys', 'list', '--file', 'keys.yaml', '-c', 'gateway.yaml'], code: 2 },
    ...{ what: /cannot be combined/, where: /--file and --config/, remedy: /use one of them/ },
  },
};
