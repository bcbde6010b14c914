/** Takes pieces of text. */
export interface TextOutput {
  write(text: string): void;
}
