import type { Cancellation } from '@gateway-provisioners/core';
import type { GatewayKernels, GatewayKernelSpecs, LauncherAnswers } from '../gateway-options.ts';
import type { GatewayBackends } from './open-kernels.ts';

export interface OpeningBackends {
  /** Answers what needs kernels at once as if there were none: requests that concern kernels wait before they ask. */
  readonly kernels: GatewayKernels;
  /** Every question waits for the answer. */
  readonly kernelspecs: GatewayKernelSpecs;
  readonly launcherAnswers: LauncherAnswers;
  readonly opened: Promise<GatewayBackends>;
  /** Opens them, for all who wait, and fails as `work` fails. Once. */
  open(work: () => Promise<GatewayBackends>): Promise<GatewayBackends>;
}

/** Stands for backends until they are open, so that the gateway can listen before. */
export function openingBackends(): OpeningBackends {
  let begin: (backends: Promise<GatewayBackends>) => void = () => undefined;
  const opened = new Promise<GatewayBackends>((resolve) => {
    begin = resolve;
  });
  let current: GatewayBackends | undefined;
  opened.then(
    (backends) => {
      current = backends;
    },
    // Whoever opens them reports it.
    () => undefined,
  );
  const specs = async (): Promise<GatewayKernelSpecs> => (await opened).kernelspecs;
  return {
    kernels: {
      start: async (options) => await (await opened).kernels.start(options),
      images: async (options) => await (await opened).kernels.images(options),
      get: (id) => current?.kernels.get(id),
      list: () => current?.kernels.list() ?? [],
      subscribe: (event, listener) => subscribeWhenOpened(opened, (kernels) => kernels.subscribe(event, listener)),
    },
    kernelspecs: {
      find: async (name, options) => await (await specs()).find(name, options),
      list: async (options) => await (await specs()).list(options),
      defaultName: async (options) => await (await specs()).defaultName(options),
      resources: async (name, options) => await (await specs()).resources(name, options),
      resourceFile: async (name, file, options) => await (await specs()).resourceFile(name, file, options),
    },
    launcherAnswers: {
      handleHttp: async (token, body) => await (await opened).launcherAnswers.handleHttp(token, body),
    },
    opened,
    open: async (work) => {
      begin(work());
      return await opened;
    },
  };
}

// Nothing is missed meanwhile: without a manager there are no kernels to hear of.
function subscribeWhenOpened(
  opened: Promise<GatewayBackends>,
  subscribe: (kernels: GatewayKernels) => Cancellation,
): Cancellation {
  let isCancelled = false;
  let cancel: Cancellation | undefined;
  opened.then(
    ({ kernels }) => {
      if (!isCancelled) cancel = subscribe(kernels);
    },
    () => undefined,
  );
  return () => {
    isCancelled = true;
    cancel?.();
  };
}
