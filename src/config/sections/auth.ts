// Owns the settings of who may call.
import type { z } from 'zod';
import { anyText, isKey, isKeyName } from '../checks.ts';
import { entry, flag, list, section, text } from '../fields.ts';

const key = entry('KeyConfig', 'An API key.', {
  id: text('Its name in logs and limits.', {
    expects: 'a name of 1 to 64 letters, digits and . _ - @ +, other than "anonymous"',
    check: isKeyName,
    example: 'billing-bot',
  }),
  key: text('The key itself, hashed at load.', {
    expects: 'a key of 1 to 512 visible ASCII characters',
    check: isKey,
    example: '${API_KEY_1}',
    secret: 'always',
  }),
  description: text('What the key is for.', {
    initial: '',
    expects: 'a text of at most 1024 characters',
    check: anyText,
    example: 'Production',
  }),
});

export const auth: z.ZodType = section('AuthConfig', 'Who may call.', {
  enabled: flag('Asks callers for a key. Off: everyone who can reach the gateway may call.', true),
  keys: list('The keys. `GATEWAY_API_KEY` in the environment adds one, named `environment`.', key),
});
