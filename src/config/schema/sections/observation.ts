// The settings of logs and metrics.
import type { z } from 'zod';
import { isHttpPath } from '../../check/checks.ts';
import { choice, duration, flag, list, path, section, size, text, wholeNumber } from '../fields.ts';
import { cidr } from './listeners.ts';

export const metrics: z.ZodType = section('MetricsConfig', 'Metrics for Prometheus.', {
  enabled: flag('Serves metrics.', true),
  path: text('Where they are served.', {
    initial: '/metrics',
    expects: 'a path of letters, digits and . _ ~ - /, beginning with a slash',
    check: isHttpPath,
    example: '/internal/metrics',
  }),
  allowed_cidrs: list(
    'Who may read them, and `/health/details`, on the main port, beside this machine itself and keys with the scope `admin`. A separate `admin.port` is open.',
    cidr,
  ),
});

export const logging: z.ZodType = section('LoggingConfig', 'The log.', {
  level: choice(
    'The least that is logged. `GATEWAY_LOG_LEVEL` is another name for it.',
    ['debug', 'info', 'warn', 'error'],
    {
      initial: 'info',
    },
  ),
  format: choice('One line of JSON for each event, or lines for people.', ['json', 'pretty'], {
    initial: 'json',
    restart: true,
  }),
  output: choice('Where it goes.', ['stdout', 'file'], { initial: 'stdout', restart: true }),
  file: section('LogFileConfig', 'The log file, with `output: file`.', {
    path: path('Where it is.', { optional: true, restart: true }),
    max_size: size('A larger one is put aside and a new one begun.', {
      initial: '100MB',
      min: '1KiB',
      max: '1TiB',
      restart: true,
    }),
    max_backups: wholeNumber('How many are kept aside.', { initial: 3, min: 0, max: 1000, restart: true }),
    max_age: duration('How long they are kept.', { initial: '168h', min: '1m', max: '87600h', restart: true }),
  }),
});
