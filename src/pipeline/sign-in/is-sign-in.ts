// Recognises requests to the sign-in path.
import { signInPath } from '../../auth/sign-in-url.ts';
import type { Exchange } from '../stage.ts';

/** In path mode every path belongs to an app, and all apps share one origin. */
export function isSignIn({ route }: Pick<Exchange, 'route'>): boolean {
  return route?.kind === 'host' && (route.target === signInPath || route.target.startsWith(`${signInPath}?`));
}
