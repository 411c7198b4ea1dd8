/** Waits for an answer until patience is over. @returns whether it came, whatever it was */
export async function isInTime(answer: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  try {
    return await Promise.race([answer.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
