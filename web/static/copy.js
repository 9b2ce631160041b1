// The Copy buttons of a page: `data-copies` names the element whose text they copy. Says so in the page's `#said`.
const said = document.getElementById('said');

for (const button of document.querySelectorAll('[data-copies]')) {
  button.addEventListener('click', async () => {
    const code = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = 'Copied.';
      button.textContent = 'Copied';
    } catch {
      // Without the clipboard (an untrusted page) the text is selected, to be copied by hand.
      getSelection().selectAllChildren(code);
      said.textContent = 'Selected: copy it now.';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2_000);
  });
}
