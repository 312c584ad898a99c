// For the classic notebook: the assignment arrow and the pipe of R on one key each, as R's own editors have them.
define(['base/js/namespace'], function (Jupyter) {
  'use strict';

  function insert(text) {
    return function () {
      var cell = Jupyter.notebook.get_selected_cell();
      if (cell && cell.code_mirror) cell.code_mirror.replaceSelection(text);
      return false;
    };
  }

  function bind(key, action, help, text) {
    var name = Jupyter.keyboard_manager.actions.register({ help: help, handler: insert(text) }, action, 'r-kernel');
    Jupyter.keyboard_manager.edit_shortcuts.add_shortcut(key, name);
  }

  return {
    onload: function () {
      bind('Alt--', 'assignment-arrow', 'insert the assignment arrow', ' <- ');
      bind('Ctrl-Shift-M', 'pipe', 'insert the pipe', ' %>% ');
    },
  };
});
