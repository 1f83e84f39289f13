// The gateway's log: the format of its lines, their target, and which events are logged.
import process from 'node:process';
import { styleText } from 'node:util';
import { pino, type Logger } from 'pino';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { maskSecrets } from '../../kernel/mask-keys.ts';
import { escapeJson } from '../../kernel/printable.ts';
import { writeAccessLog } from './access-log.ts';
import { writeClientLog } from './client-log.ts';
import { writeClockLog } from './clock-log.ts';
import { writeConnectionLog } from './connection-log.ts';
import { writeLimitsLog } from './limits-log.ts';
import { LogFile } from './log-file.ts';
import { LogLevelSwitch, type LogLevel } from './log-level.ts';
import { stdoutTarget } from './log-stdout.ts';
import { LogWriter, type LogTarget } from './log-writer.ts';
import { prettyLine, type Paint } from './pretty.ts';
import { writeLeaseLog } from './lease-log.ts';
import { writeRelayLog } from './relay-log.ts';
import { timestamp } from './timestamp.ts';
import { writeUsageLog } from './usage-log.ts';

export type { Logger } from 'pino';

/** config.logging. */
export interface LogOptions {
  readonly level: LogLevel;
  /** `auto`: for people if stdout is a terminal. */
  readonly format: 'auto' | 'json' | 'pretty';
  readonly output: 'stdout' | 'file';
  readonly file: {
    readonly path: string;
    readonly maxSizeBytes: number;
    readonly maxBackups: number;
    readonly maxAgeMs: number;
  };
}

export interface GatewayLog {
  readonly logger: Logger;
  readonly level: LogLevelSwitch;
  /** Opens the log file again after a tool has moved it. Undefined for stdout. */
  readonly reopen: (() => void) | undefined;
  /** Writes queued lines, for at most a second. Idempotent. */
  readonly close: () => Promise<void>;
}

/** Starts to log events of requests and relays. `note`: reports that the log cannot be written. */
export function createLog(options: LogOptions, note: (line: string) => void, clock: Clock = systemClock): GatewayLog {
  const writer = new LogWriter({
    target: targetOf(options, note, clock),
    failed: ({ message }) => {
      note(`portal-gateway: cannot write the log (${message}): lines are lost until it can be written again`);
    },
    recovered: (lines) => {
      logger.warn({ lines }, 'log lines were lost');
    },
  });
  const write = isPretty(options) ? prettyOn(writer, options.output) : jsonOn(writer);
  const logger = createLogger(options.level, write, clock);
  const ends = [
    writeRelayLog(logger),
    writeClockLog(logger, clock),
    writeLeaseLog(logger, clock),
    writeLimitsLog(logger),
    writeClientLog(logger),
    writeConnectionLog(logger),
    writeUsageLog(logger),
    writeAccessLog({
      now: () => timestamp(clock.wallMs()),
      enabled: (level) => logger.isLevelEnabled(level),
      write,
      fault: (requestId, cause) => {
        logger.error({ request_id: requestId, error: stackOf(cause) }, 'the gateway failed to handle a request');
      },
    }),
  ];
  return {
    logger,
    level: new LogLevelSwitch(logger, options.level),
    reopen:
      options.output === 'file'
        ? () => {
            writer.reopen();
          }
        : undefined,
    close: () => {
      for (const end of ends) end();
      return writer.close();
    },
  };
}

/**
 * pino with our field names, without pid and hostname. `write` receives lines of JSON without a
 * line feed.
 */
export function createLogger(
  level: LogOptions['level'],
  write: (line: string) => void,
  clock: Clock = systemClock,
): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${timestamp(clock.wallMs())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line) => {
        write(escapeJson(maskSecrets(line.trimEnd())));
      },
    },
  );
}

function targetOf({ output, file }: LogOptions, note: (line: string) => void, clock: Clock): LogTarget {
  if (output === 'stdout') return stdoutTarget();
  return new LogFile({
    ...file,
    clock,
    stuck: ({ message }) => {
      note(`portal-gateway: cannot rotate the log file (${message}); it will exceed logging.file.max_size`);
    },
  });
}

function isPretty({ format, output }: LogOptions): boolean {
  // @types/node declares isTTY as always true.
  const { isTTY } = process.stdout as { readonly isTTY?: boolean };
  return format === 'auto' ? output === 'stdout' && isTTY === true : format === 'pretty';
}

function jsonOn(writer: LogWriter): (line: string) => void {
  return (line) => {
    writer.write(`${line}\n`);
  };
}

function prettyOn(writer: LogWriter, output: LogOptions['output']): (line: string) => void {
  const stream = process.stdout;
  // Node checks the stream, NO_COLOR and FORCE_COLOR.
  const coloured: Paint = (colour, text) => styleText(colour, text, { stream });
  const paint = output === 'stdout' ? coloured : plain;
  return (line) => {
    writer.write(prettyLine(line, paint));
  };
}

const plain: Paint = (_, text) => text;

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
