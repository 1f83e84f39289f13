// Keeps a SIGHUP from ending `start` before it watches its configuration: a service manager may
// request a reload at any time.
import process from 'node:process';

export class EarlyHangup {
  readonly #signals: NodeJS.EventEmitter;
  #came = false;

  /** Listens from now until the process ends. */
  constructor(signals: NodeJS.EventEmitter = process) {
    this.#signals = signals;
    signals.on('SIGHUP', () => {
      this.#came = true;
    });
  }

  /** Call when other listeners are installed: emits the signal again for them if it came before. */
  repeat(): void {
    if (this.#came) this.#signals.emit('SIGHUP', 'SIGHUP');
  }
}
