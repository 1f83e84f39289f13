// The mistakes that people make in a configuration file or in variables, for mistakes-cli.test.ts.
import type { Mistake } from './cli-mistakes.ts';

/** `start` with a file of this text. */
function inFile(text: string, says: Pick<Mistake, 'what' | 'where' | 'remedy'>): Mistake {
  return { args: ['start', 'gateway.yaml'], files: { 'gateway.yaml': text }, code: 1, ...says };
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
    ...{ what: /unknown setting/, where: /:1:1: .* relays;/, remedy: /did you mean portal\.relays\?/ },
  }),
  'a list of sections outside its section': inFile('keys: []', {
    ...{ what: /unknown setting/, where: /:1:1: .* keys;/, remedy: /did you mean auth\.keys\?/ },
  }),
  'a setting of an item outside its list': inFile('scopes: [read]', {
    ...{ what: /unknown setting/, where: /:1:1: .* scopes;/, remedy: /did you mean auth\.keys\[\]\.scopes\?/ },
  }),
  'the last word of a setting': inFile('acl: {}', {
    ...{ what: /unknown setting/, where: /:1:1: .* acl;/, remedy: /did you mean lease_acl\?/ },
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
};
