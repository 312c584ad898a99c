export interface StartBannerOptions {
  /** Ends with a slash. */
  readonly url: string;
  readonly token: string | undefined;
  /** A token that the operator chose is known to them, and need not be in the logs of a container. */
  readonly tokenWasGenerated: boolean;
  readonly kernels: readonly string[];
  readonly defaultKernel: string;
}

/** What a person needs who has just started a gateway: address, token, and the line that connects JupyterLab. */
export function startBanner(options: StartBannerOptions): string {
  const { url, token, tokenWasGenerated, kernels, defaultKernel } = options;
  const shown = token === undefined ? undefined : tokenWasGenerated ? token : '<token>';
  const lab = [
    'jupyter lab',
    `--gateway-url=${url.replace(/\/$/, '')}`,
    ...(shown === undefined ? [] : [`--GatewayClient.auth_token=${shown}`]),
  ].join(' ');
  const names = kernels.map((name) => (name === defaultKernel ? `${name} (default)` : name)).join(', ');
  return [
    `The gateway is running at ${url}`,
    ...(tokenWasGenerated && token !== undefined ? [`Token: ${token}`] : []),
    ...(token === undefined ? ['No authentication: anybody on this machine may use it.'] : []),
    kernels.length === 0 ? 'No kernels: see gateway-provisioners kernelspecs list' : `Kernels: ${names}`,
    '',
    'Connect JupyterLab with:',
    `  ${lab}`,
    '',
    'Stop it with Ctrl-C.',
    '',
  ].join('\n');
}
