// The level of the log while the gateway runs: the configured one, or the one that an operator has
// switched to.
import type { Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export class LogLevelSwitch {
  readonly #logger: Logger;
  #configured: LogLevel;
  #switched = false;

  constructor(logger: Logger, configured: LogLevel) {
    this.#logger = logger;
    this.#configured = configured;
  }

  /** Applies a reload. Keeps a level that was switched to. */
  configure(level: LogLevel): void {
    this.#configured = level;
    this.#logger.level = this.#level;
  }

  /**
   * Between the configured level and `debug`; where `debug` is configured, between it and `info`.
   */
  toggle(): void {
    this.#switched = !this.#switched;
    const level = this.#level;
    this.#logger.level = level;
    this.#logger[level]({ log_level: level, configured: this.#configured }, 'log level changed by SIGUSR2');
  }

  get #level(): LogLevel {
    if (!this.#switched) return this.#configured;
    return this.#configured === 'debug' ? 'info' : 'debug';
  }
}
