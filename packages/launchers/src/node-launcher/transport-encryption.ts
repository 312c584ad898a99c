import { LauncherError } from './launcher-error.ts';

/** Kernels of any kind are started here; which of them would apply CurveZMQ keys is not known, so none are made. */
export function readTransportEncryption(text = ''): void {
  const mode = text.trim().toLowerCase();
  if (mode === 'required') {
    throw new LauncherError(
      "Transport encryption is 'required' but cannot be applied: this launcher does not know whether its kernel encrypts",
    );
  }
  if (mode === '' || mode === 'disabled' || mode === 'auto' || /^\{.*\}$/.test(mode)) return;
  throw new LauncherError(`--transport-encryption is '${text}'; it must be disabled, auto or required`);
}
