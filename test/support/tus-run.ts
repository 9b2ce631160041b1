/** One run of tus-js-client, as an app would do it, with everything that it did written down. */
import { DetailedError, Upload, type UploadOptions } from 'tus-js-client';

export type TusRun = Readonly<{
  outcome: 'success' | 'error';
  error: Error | undefined;
  /** The status of the answer behind the error. */
  errorStatus: number | undefined;
  /** `METHOD status` of each request, in order; `0` where no answer came. */
  requests: readonly string[];
  url: string | null;
}>;

export type TusTarget = Readonly<{ endpoint: string; token: string }>;
export type TusSettings = Partial<UploadOptions> & { onUpload?: (upload: Upload) => void };

export const retryDelays = [0, 200, 500, 1000, 2000, 3000];
const runMsMax = 60_000;

/**
 * Sends `bytes` and resolves at the client's own verdict. `atSuccess` runs at the moment of the client's success,
 * before anything else can happen.
 */
export function tusRun(
  target: TusTarget,
  bytes: Buffer,
  metadata: Record<string, string>,
  settings: TusSettings = {},
  atSuccess: () => Promise<void> = async () => undefined,
): Promise<TusRun> {
  const { onUpload, ...options } = settings;
  const requests: string[] = [];
  return new Promise((resolve, reject) => {
    const finish = (outcome: TusRun['outcome'], error?: Error) => {
      clearTimeout(timer);
      const errorStatus = error instanceof DetailedError ? error.originalResponse?.getStatus() : undefined;
      resolve({ outcome, error, errorStatus, requests, url: upload.url });
    };
    const upload = new Upload(bytes, {
      endpoint: target.endpoint,
      headers: { authorization: `Bearer ${target.token}` },
      metadata,
      retryDelays,
      storeFingerprintForResuming: false,
      removeFingerprintOnSuccess: true,
      ...options,
      onBeforeRequest: (request) => {
        requests.push(`${request.getMethod()} 0`);
      },
      onAfterResponse: (request, response) => {
        const at = requests.lastIndexOf(`${request.getMethod()} 0`);
        requests[at] = `${request.getMethod()} ${response.getStatus()}`;
      },
      onSuccess: () => {
        atSuccess().then(() => finish('success'), reject);
      },
      onError: (error) => finish('error', error),
    });
    const timer = setTimeout(() => {
      void upload.abort();
      reject(new Error(`The client came to no end within ${runMsMax} ms: ${requests.slice(-30).join(', ')}`));
    }, runMsMax);
    onUpload?.(upload);
    upload.start();
  });
}
