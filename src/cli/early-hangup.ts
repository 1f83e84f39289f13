// Keeps a SIGHUP from ending `start` before its configuration is watched: a service manager may ask for a reload at any time.
import process from 'node:process';

export class EarlyHangup {
  readonly #signals: NodeJS.EventEmitter;
  #came = false;

  /** Listens from now on, to the end of the process. */
  constructor(signals: NodeJS.EventEmitter = process) {
    this.#signals = signals;
    signals.on('SIGHUP', () => {
      this.#came = true;
    });
  }

  /** Others listen now: repeats the signal for them if it came before. */
  repeat(): void {
    if (this.#came) this.#signals.emit('SIGHUP', 'SIGHUP');
  }
}
