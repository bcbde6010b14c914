/** Bundles the script and the style sheet of the web report. */
export function bundle(): Promise<{ readonly script: string; readonly style: string }>;
