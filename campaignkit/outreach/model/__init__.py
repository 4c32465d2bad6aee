"""What plans and effects are worked out with: the panel and its ratings, avails, a promise kept in folds, exposures."""
