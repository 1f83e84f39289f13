// The settings of logs and metrics.
import type { z } from 'zod';
import { isHttpPath } from '../../check/checks.ts';
import { choice, duration, flag, list, path, section, size, text, wholeNumber } from '../fields.ts';
import { cidr } from './listeners.ts';

export const metrics: z.ZodType = section('MetricsConfig', 'Prometheus metrics.', {
  enabled: flag('Serves metrics.', true),
  path: text('The path of the metrics.', {
    initial: '/metrics',
    expects: 'a path of letters, digits and . _ ~ - /, beginning with a slash',
    check: isHttpPath,
    example: '/internal/metrics',
  }),
  allowed_cidrs: list(
    'Addresses that may read the metrics and `/health/details` on the main port, in addition to this machine and keys with the scope `admin`. A separate `admin.port` has no such restriction.',
    cidr,
  ),
});

export const logging: z.ZodType = section('LoggingConfig', 'The log.', {
  level: choice(
    'The lowest level to log. Can also be set as `GATEWAY_LOG_LEVEL`.',
    ['debug', 'info', 'warn', 'error'],
    {
      initial: 'info',
    },
  ),
  format: choice(
    'The format of log lines. `json`: one JSON object per event. `pretty`: text for people. `auto`: `pretty` on a terminal, else `json`.',
    ['auto', 'json', 'pretty'],
    {
      initial: 'auto',
      restart: true,
    },
  ),
  output: choice('Where the log is written.', ['stdout', 'file'], { initial: 'stdout', restart: true }),
  file: section('LogFileConfig', 'The log file, with `output: file`.', {
    path: path('The path of the log file.', { optional: true, restart: true }),
    max_size: size('Size at which the log file is rotated.', {
      initial: '100MB',
      min: '1KiB',
      max: '1TiB',
      restart: true,
    }),
    max_backups: wholeNumber('The number of rotated files to keep.', { initial: 3, min: 0, max: 1000, restart: true }),
    max_age: duration('How long rotated files are kept.', { initial: '168h', min: '1m', max: '87600h', restart: true }),
  }),
});
