// Reads the settings that commands take directly from the process environment, without the
// configuration file.
import { homedir } from 'node:os';
import process from 'node:process';
import { didYouMean } from '../../kernel/near-name.ts';
import { withoutBrackets } from '../../kernel/net/ip.ts';
import { stateDirectoryIn } from './state-directory.ts';

export interface Environment {
  /** GATEWAY_CONFIG; empty: not set. */
  readonly configFile: string;
  /** GATEWAY_HOST */
  readonly host: string;
  /** GATEWAY_PORT */
  readonly port: number;
  /** PORTAL_RELAY_URL */
  readonly relayUrl: string;
  /**
   * Where identities are stored: XDG_STATE_HOME/portal-gateway, or ~/.local/state/portal-gateway.
   */
  readonly stateDirectory: string;
}

/** Those of the schema, without loading it: it takes a third of a second. */
const defaults = {
  host: '127.0.0.1',
  port: 8080,
  relayUrl: 'ws://localhost:4017/relay',
} as const satisfies Partial<Environment>;

/** An invalid setting. The message names the variable and never contains a secret. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Throws EnvironmentError. An empty variable counts as unset. */
export function readEnvironment(variables: Variables = process.env): Environment {
  const value = (name: string): string | undefined => (variables[name] === '' ? undefined : variables[name]);
  return {
    configFile: value('GATEWAY_CONFIG') ?? '',
    host: withoutBrackets(value('GATEWAY_HOST') ?? defaults.host),
    port: portFrom('GATEWAY_PORT', value('GATEWAY_PORT')) ?? defaults.port,
    relayUrl: value('PORTAL_RELAY_URL') ?? defaults.relayUrl,
    stateDirectory: stateDirectoryIn(value('XDG_STATE_HOME'), value('HOME') ?? homeOfUser()),
  };
}

/** The value of a link to a Service (environment-layer.ts). */
export function isServiceLink(text: string): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(text);
}

/**
 * RELAY_URL in place of PORTAL_RELAY_URL. Other names without a prefix of the gateway may belong to
 * other programs.
 */
export function isMisnamedRelay(name: string, variables: Variables): boolean {
  return name === 'RELAY_URL' && (variables['PORTAL_RELAY_URL'] ?? '') === '';
}

const prefixes = ['GATEWAY_', 'PORTAL_'];

/**
 * The variable that was probably meant: its name has another prefix, or none, or differs by typing
 * errors.
 */
export function nearVariable(name: string, known: readonly string[]): string | undefined {
  const bare = prefixes.reduce((rest, prefix) => (rest.startsWith(prefix) ? rest.slice(prefix.length) : rest), name);
  const respelled = [bare, ...prefixes.map((prefix) => prefix + bare)].filter((other) => other !== name);
  return respelled.find((other) => known.includes(other)) ?? didYouMean(name, known);
}

const readNames = ['GATEWAY_CONFIG', 'GATEWAY_HOST', 'GATEWAY_PORT', 'PORTAL_RELAY_URL'];

/**
 * Warnings about variables whose names are typing errors of those that readEnvironment() reads. The
 * configuration warns about all others when it is loaded.
 */
export function mistypedVariables(variables: Variables = process.env): string[] {
  const unset = readNames.filter((name) => (variables[name] ?? '') === '');
  return Object.entries(variables)
    .filter(([name]) => /^(?:GATEWAY|PORTAL)_/.test(name) || isMisnamedRelay(name, variables))
    .filter(([name, text = '']) => !readNames.includes(name) && !isServiceLink(text))
    .flatMap(([name]) => {
      const meant = nearVariable(name, unset);
      return meant === undefined ? [] : [`${name} has no effect; did you mean ${meant}?`];
    });
}

/**
 * A user id without an entry in the user database has no home directory. Containers run such ids
 * with `/`.
 */
function homeOfUser(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

function portFrom(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = parsePort(text);
  if (port === undefined)
    throw new EnvironmentError(`${name}=${text} is not a port; set it to a number from 0 to 65535`);
  return port;
}

/** 0 means any free port. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}
