// The mistakes that people make in a configuration file or in variables, for mistakes-cli.test.ts.
import type { Mistake } from './cli-mistakes.ts';

/** `start` with a file of this text. */
function inFile(text: string, says: Pick<Mistake, 'what' | 'where' | 'remedy'>): Mistake {
  return { args: ['start', 'gateway.yaml'], files: { 'gateway.yaml': text }, code: 1, ...says };
}

/** `start` without a file, with LEASE_ACL. */
function inRules(text: string, says: Pick<Mistake, 'what' | 'where' | 'remedy'>): Mistake {
  return { args: ['start'], environment: { LEASE_ACL: text }, code: 1, ...says };
}

export const settingMistakes: Readonly<Record<string, Mistake>> = {
  'a name that begins with a star': inFile('lease_acl:\n  *: ["*"]\n', {
    ...{ what: /is an alias/, where: /^portal-gateway: gateway\.yaml:2:3: /, remedy: /begins with \* needs quotes\n$/ },
  }),
  'an item that is a star': inFile('lease_acl: { a: [*:] }', {
    ...{
      what: /is an alias/,
      where: /^portal-gateway: gateway\.yaml:1:18: /,
      remedy: /begins with \* needs quotes\n$/,
    },
  }),
  'a setting outside its section': inFile('relays: []', {
    ...{ what: /unknown setting relays;/, where: /gateway\.yaml:1:1: /, remedy: /did you mean portal\.relays\?/ },
  }),
  'a list of sections outside its section': inFile('keys: []', {
    ...{ what: /unknown setting keys;/, where: /gateway\.yaml:1:1: /, remedy: /did you mean auth\.keys\?/ },
  }),
  'a setting of an item outside its list': inFile('scopes: [read]', {
    ...{
      what: /unknown setting scopes;/,
      where: /gateway\.yaml:1:1: /,
      remedy: /did you mean auth\.keys\[\]\.scopes\?/,
    },
  }),
  'the last word of a setting': inFile('acl: {}', {
    ...{ what: /unknown setting acl;/, where: /gateway\.yaml:1:1: /, remedy: /did you mean lease_acl\?/ },
  }),
  'a relay that is a text': inFile('portal:\n  relays: [ws://127.0.0.1:4017/relay]\n', {
    ...{
      what: /must be a map of settings/,
      where: /:2:12: portal\.relays\[0\]/,
      remedy: /write "- url: wss:\/\/relay/,
    },
  }),
  'a colon without a space': inFile('gateway:\n  port:8080\n', {
    ...{ what: /must be a map of settings/, where: /:2:3: gateway/, remedy: /write a space after "port:"/ },
  }),

  // Variables
  'quotes around lease rules': inRules('"my-app=*"', {
    ...{ what: /has quotes, which are part of the value/, where: /LEASE_ACL: "\\"my-app/, remedy: /remove them/ },
  }),
  'quotes around the principal of a lease rule': inRules("my-app='*'", {
    ...{ what: /has quotes, which are part of the value/, where: /LEASE_ACL: "my-app/, remedy: /remove them/ },
  }),
  'a semicolon between lease rules': inRules('my-app=*;other=*', {
    ...{ what: /is not LEASE=PRINCIPAL/, where: /LEASE_ACL: /, remedy: /separate rules by commas or spaces/ },
  }),
  'LEASE_ACL with the prefix of other variables': {
    ...{ args: ['validate'], environment: { GATEWAY_LEASE_ACL: 'my-app=*' }, code: 0 },
    ...{ what: /has no effect/, where: /warning: GATEWAY_LEASE_ACL/, remedy: /did you mean LEASE_ACL\?/ },
  },
  'the relay without the prefix of other variables': {
    ...{ args: ['validate'], environment: { RELAY_URL: 'ws://127.0.0.1:1/relay' }, code: 0 },
    ...{ what: /has no effect/, where: /warning: RELAY_URL/, remedy: /did you mean PORTAL_RELAY_URL\?/ },
  },

  // Settings of keys
  'a scope near one of the gateway': {
    args: [...['keys', 'create', 'web', '--scope', 'red', '--cost', '10'], ...['--out', 'k', '--file', 'keys.yaml']],
    ...{
      what: /grants a custom scope, and not read/,
      where: /warning: --scope red/,
      remedy: /did you mean --scope read\?/,
    },
    code: 0,
  },
  'a key that expires after days': {
    ...{ args: ['keys', 'create', 'web', '--expires', '90d', '--file', 'keys.yaml'], code: 2 },
    ...{ what: /is invalid/, where: /'90d'/, remedy: /in h, m and s, such as 2160h for 90 days/ },
  },
};
