export const digitsShown = {
  label: 'Time left for these digits',
  left: (time: string) => `${time} left`,
  over: 'Over',
} as const;
