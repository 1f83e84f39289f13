// Parsers for option values that several commands share. Invalid values are rejected before a
// command starts.
import { InvalidArgumentError } from 'commander';
import { isLeasePattern, isListenHost, isPrincipal, principalForms } from '../config/check/checks.ts';
import { parsePort } from '../config/source/environment.ts';
import { gathered, type LeaseRule, parseLeaseRule } from '../config/source/lease-rule.ts';
import { withoutBrackets } from '../kernel/net/ip.ts';
import { printable } from '../kernel/printable.ts';
import { parseRelayUrl } from '../portal/websocket/relay-url.ts';
import { PortalError } from '../portal/errors.ts';
import { isLeaseId } from '../portal/identity.ts';
import { usageFault } from './fault.ts';

/** Portal's default port. */
export const defaultRelayPort = 4017;

/** The flags of the configuration file, the same for every command. */
export const configFlags = '-c, --config <FILE>';
export const configHelp =
  'the configuration file (default: GATEWAY_CONFIG, else environment variables and defaults only)';
/** For commands that take the file as an argument, too. */
export const configArgument = ['[FILE]', 'the configuration file, as with --config'] as const;

/** The file of `FILE` or `--config FILE`. Throws a usage error for both. */
export function withConfigFile<T extends { readonly config?: string }>(file: string | undefined, options: T): T {
  if (file === undefined) return options;
  if (options.config !== undefined)
    throw usageFault(
      `the configuration file is given twice, as ${printable(file)} and as --config ${printable(options.config)}: leave one out`,
    );
  return { ...options, config: file };
}

export function portOption(text: string): number {
  const port = parsePort(text);
  if (port === undefined) throw new InvalidArgumentError('A port is a number from 0 to 65535; 0 picks a free one.');
  return port;
}

/** Like `gateway.host`: an IPv6 address may have brackets as in URLs. */
export function listenHostOption(text: string): string {
  if (isListenHost(text) !== true) throw new InvalidArgumentError('It must be an address or a host name to listen on.');
  return withoutBrackets(text);
}

/** Each tunnel takes about 20 KiB and, while a request is in flight, a file descriptor. */
const highestMaxTunnels = 100_000;

export function maxTunnelsOption(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > highestMaxTunnels)
    throw new InvalidArgumentError(`It must be a number from 1 to ${highestMaxTunnels}.`);
  return count;
}

export function relayOption(text: string): string {
  const fault = relayFault(text);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
  return text;
}

export function relayFault(text: string): string | undefined {
  try {
    parseRelayUrl(text);
    return undefined;
  } catch (error) {
    if (error instanceof PortalError) return error.message;
    throw error;
  }
}

/** For an option that may be repeated. */
export function relaysOption(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), relayOption(text)];
}

/**
 * `start --allow LEASE=PRINCIPAL`. Each value is one rule, so a lease name may have spaces and
 * commas.
 */
export function rulesOption(text: string, earlier: readonly LeaseRule[] | undefined): readonly LeaseRule[] {
  const rule = parseLeaseRule(text);
  if (rule === undefined)
    throw new InvalidArgumentError("A rule is LEASE=PRINCIPAL: the id of a key, as in 'my-app=billing-bot', or *.");
  const { pattern, principal } = rule;
  const verdicts = [isLeasePattern(pattern), isPrincipal(principal)];
  const fault = verdicts.find((verdict) => typeof verdict === 'string');
  if (verdicts.includes(false) || fault !== undefined) {
    const which = verdicts[0] === true ? 'principal' : 'lease';
    const expects = which === 'lease' ? 'a lease name, a lease id, a prefix-* or *' : principalForms;
    throw new InvalidArgumentError(`Its ${which} ${fault ?? `must be ${expects}`}; repeat --allow for a further rule.`);
  }
  const rules = (earlier ?? []).flatMap(({ pattern: lease, principals }) =>
    principals.map((one) => ({ pattern: lease, principal: one })),
  );
  return gathered([...rules, rule]);
}

/**
 * Removes duplicates. Throws PortalError bad_relay_url: an address from the environment has not
 * been validated before.
 */
export function distinctRelays(urls: readonly string[]): readonly string[] {
  for (const url of urls) parseRelayUrl(url);
  return [...new Set(urls)];
}

export function clientIdsOption(text: string, earlier: readonly string[] | undefined): readonly string[] {
  if (!isLeaseId(text)) {
    throw new InvalidArgumentError(
      'An id has 26 characters A-Z and 2-7; "portal-gateway identity" prints that of a gateway.',
    );
  }
  return [...(earlier ?? []), text];
}

/** Turns a parser that throws RangeError into an option parser. */
export function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}
