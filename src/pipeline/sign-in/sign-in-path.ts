// Where browsers sign in, on the host of an app. Other paths of the host belong to the app.
import type { Exchange } from '../stage.ts';

export const signInPath = '/.well-known/portal-gateway/sign-in';

/** `origin`: of the app, such as `http://my-app.localhost:8080`. */
export function signInUrl(origin: string, token: string): string {
  return `${origin}${signInPath}?token=${token}`;
}

/** In path mode every path belongs to an app, and all apps share one origin. */
export function isSignIn({ route }: Pick<Exchange, 'route'>): boolean {
  return route?.kind === 'host' && (route.target === signInPath || route.target.startsWith(`${signInPath}?`));
}
