/** Chromium's offer to put the page on the home screen (W3C "Manifest: Incubations", BeforeInstallPromptEvent). */
export type InstallPrompt = Event & { prompt(): Promise<unknown> };

let offered: InstallPrompt | undefined;
const listeners = new Set<(prompt: InstallPrompt | undefined) => void>();

addEventListener('beforeinstallprompt', (event) => tell(event as InstallPrompt));
addEventListener('appinstalled', () => tell(undefined));

function tell(prompt: InstallPrompt | undefined): void {
  offered = prompt;
  for (const listener of listeners) listener(prompt);
}

export function installPrompt(): InstallPrompt | undefined {
  return offered;
}

export function whenInstallable(listener: (prompt: InstallPrompt | undefined) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
