/* Keeps the newest text in sight while the reader is at the bottom, and offers the way back when not. */

const NEAR_PIXELS = 48;

export class Follower {
  constructor(scroller, chip) {
    this.scroller = scroller;
    this.chip = chip;
    this.following = true;
    scroller.addEventListener("scroll", () => this.look(), { passive: true });
    // The wheel and the keys come before their effect, and before the next token.
    scroller.addEventListener("wheel", (event) => { if (event.deltaY < 0) this.following = false; }, { passive: true });
    chip.addEventListener("click", () => this.jump());
    new ResizeObserver(() => this.keep()).observe(scroller);
  }

  get distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  look() {
    this.following = this.distance < NEAR_PIXELS;
    this.chip.hidden = this.following;
  }

  keep() {
    if (this.following) this.scroller.scrollTop = this.scroller.scrollHeight;
    else this.chip.hidden = this.distance < NEAR_PIXELS;
  }

  jump() {
    this.following = true;
    this.keep();
    this.chip.hidden = true;
  }
}
