UPDATE sites SET callback_window = 240 WHERE id = 's1';
