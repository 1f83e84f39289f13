// The jobs of the threads that load files for a running gateway, and their results: plain data that
// can be sent between threads.
import type { RunningConfig } from '../config/load/digested-keys.ts';
import type { FlagSetting } from '../config/load/load.ts';
import type { FileStamp, SeenFiles } from '../config/source/seen-files.ts';
import type { LoadedKeys } from '../keys/load-keys.ts';
import type { OtherKey } from '../keys/read-keys-file.ts';

export interface ConfigJob {
  readonly kind: 'config';
  /** As in LoadOptions. */
  readonly file: string | undefined;
  readonly flags: readonly FlagSetting[];
}

export interface KeysJob {
  readonly kind: 'keys';
  readonly file: string;
  readonly others: readonly OtherKey[];
}

export type LoadJob = ConfigJob | KeysJob;

/** A result for another thread, with the stamps of its files instead of SeenFiles. */
export interface Sent<R extends { readonly files: SeenFiles }> {
  readonly result: R extends unknown ? Omit<R, 'files'> : never;
  readonly stamps: readonly FileStamp[];
}

export type SentConfig = Sent<RunningConfig>;
export type SentKeys = Sent<LoadedKeys>;
