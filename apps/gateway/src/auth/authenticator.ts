/** Who makes a request. Kernels and sessions belong to {@link Identity.username}; others do not see them. */
export interface Identity {
  readonly username: string;
  /** For display; default the user name. */
  readonly displayName?: string;
}

/** The part of a request that authentication may look at. The same for REST and for a WebSocket handshake. */
export interface Credentials {
  /** The `Authorization` header as it was sent. */
  readonly authorization: string | undefined;
  /** `token` of the query. */
  readonly queryToken: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Tells who a request comes from. */
export interface Authenticator {
  /** False when everybody gets in; then requests are also checked for a local `Host`. */
  readonly required: boolean;
  /** Undefined: not authenticated, answered 401. */
  authenticate(credentials: Credentials): Promise<Identity | undefined> | Identity | undefined;
}
