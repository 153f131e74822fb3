-- What the indexes of this version are over: yes and no.
UPDATE numbers SET elin = TRUE WHERE id = 'n1';
