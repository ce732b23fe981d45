"use strict";
// The slider between two pictures, what is on its left, and how large they are.
for (const figure of document.querySelectorAll(".compare")) {
  const stack = figure.querySelector(".stack");
  const slider = figure.querySelector("input");
  const left = figure.querySelector(".left");
  const width = Number(figure.querySelector("img").getAttribute("width"));

  const split = () => {
    stack.style.setProperty("--split", slider.value + "%");
    slider.setAttribute("aria-valuetext", slider.value + " % " + left.textContent);
  };

  const press = (button) => {
    for (const other of button.parentElement.querySelectorAll("button")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  };

  for (const button of figure.querySelectorAll("[data-beside]")) {
    button.addEventListener("click", () => {
      press(button);
      figure.querySelectorAll(".layer:not(.over)").forEach((layer, index) => {
        layer.classList.toggle("off", index !== Number(button.dataset.beside));
      });
      left.textContent = button.textContent;
      split();
    });
  }

  for (const button of figure.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      press(button);
      const zoom = Number(button.dataset.zoom);
      stack.style.width = zoom ? width * zoom + "px" : "";
      stack.classList.toggle("zoomed", zoom > 0);
      const pane = stack.parentElement;
      pane.scrollLeft = (pane.scrollWidth - pane.clientWidth) / 2;
      pane.scrollTop = (pane.scrollHeight - pane.clientHeight) / 2;
    });
  }

  slider.addEventListener("input", split);
  split();
}
