INSERT INTO change_sets VALUES ('cs1', 'o1', 'h', 'ann@harbor.example', 1000, 2000, 0, '', '', '', 'sealed');
INSERT INTO change_pieces VALUES ('cs1', 'o1', 0, 'sealed');
