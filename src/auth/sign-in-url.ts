// Where browsers sign in, on the host of an app. Other paths of the host belong to the app.

export const signInPath = '/.well-known/portal-gateway/sign-in';

/** `origin`: of the app, such as `http://my-app.localhost:8080`. */
export function signInUrl(origin: string, token: string): string {
  return `${origin}${signInPath}?token=${token}`;
}
